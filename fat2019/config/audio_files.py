"""Which file names mean audio; contents are checked when files are read."""

# Of formats that libsndfile reads and that hold sound alone: a .mat or .raw file seldom does.
_LIBSNDFILE_SUFFIXES = (
    *(".wav", ".flac", ".ogg", ".mp3", ".wave", ".bwf", ".rf64", ".w64", ".oga", ".opus", ".mp2", ".aiff", ".aif"),
    *(".aifc", ".au", ".snd", ".caf", ".sph", ".nist", ".voc", ".ircam", ".sf", ".avr", ".paf", ".pvf", ".htk"),
    *(".8svx", ".16sv", ".sds"),
)
# Of formats that FFmpeg's libraries read, with the extra [av].
_FFMPEG_SUFFIXES = (".m4a", ".mp4", ".aac", ".webm", ".mka", ".wma", ".amr", ".ape", ".wv", ".3gp", ".m4b")
AUDIO_SUFFIXES = (*_LIBSNDFILE_SUFFIXES, *_FFMPEG_SUFFIXES)
