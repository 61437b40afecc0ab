"""What is computed: every number that changes a stored feature, in frozen, validated dataclasses.

A :class:`FeatureConfig` is stored with each feature set and read back from it, never asked for again.
Units are part of the field names. Derived values are properties, so that they cannot disagree.
"""

import dataclasses
import hashlib
import json
import math
from typing import Any, Literal

from fat2019.errors import DataError

SPLITS = ("curated", "noisy", "test")


def _require(holds: bool, name: str, expected: str, received: Any) -> None:
    if not holds:
        raise DataError(f"{name}: expected {expected}, received {received!r}")


@dataclasses.dataclass(frozen=True)
class SilenceRule:
    """How silence is removed from the clips of one kind: the parameters of pydub's ``split_on_silence``."""

    splits: tuple[str, ...]
    up_to_s: float  # the rule holds for clips up to this length; the first that fits is taken
    min_silence_ms: int
    threshold_dbfs: float
    keep_silence_ms: int

    def __post_init__(self) -> None:
        _require(self.min_silence_ms >= 1, "min_silence_ms", "a whole number >= 1", self.min_silence_ms)
        _require(self.keep_silence_ms >= 0, "keep_silence_ms", "a whole number >= 0", self.keep_silence_ms)
        _require(self.threshold_dbfs < 0, "threshold_dbfs", "a number below 0", self.threshold_dbfs)
        _require(set(self.splits) <= set(SPLITS), "splits", f"some of {SPLITS}", self.splits)


# The report (section 3) treats curated clips by their length and noisy ones alike, without giving the
# numbers. Short curated clips are one event whose decay matters, so only long and deep pauses go; the
# longer a clip, the more of it is pause. Test clips are curated ones, and treated as such.
REPORT_SILENCE = (
    SilenceRule(("curated", "test"), 3.0, min_silence_ms=500, threshold_dbfs=-60.0, keep_silence_ms=100),
    SilenceRule(("curated", "test"), 10.0, min_silence_ms=400, threshold_dbfs=-55.0, keep_silence_ms=100),
    SilenceRule(("curated", "test"), math.inf, min_silence_ms=300, threshold_dbfs=-50.0, keep_silence_ms=100),
    SilenceRule(("noisy",), math.inf, min_silence_ms=300, threshold_dbfs=-50.0, keep_silence_ms=100),
)

DTYPES = ("uint8", "float16", "float32")
SPECTRA = ("power", "magnitude")
REFERENCES = ("librosa", "tensorflow")
LOGARITHMS = ("decibel", "natural")
SCALINGS = ("image", "none")


def _added(default: Any) -> Any:
    """A field that earlier versions did not have: left out of JSON at its default, so that digests stay the same."""
    return dataclasses.field(default=default, metadata={"added": True})


DECIBELS_PER_FACTOR_OF_TEN = {"power": 10.0, "magnitude": 20.0}


@dataclasses.dataclass(frozen=True)
class FeatureConfig:
    """From a waveform to a stored log-mel. The defaults are the report's: 3 s make a 92x80 image."""

    sample_rate_hz: int = 16_000
    n_fft: int = 1024
    hop_samples: int = 512
    mel_bands: int = 80
    fmin_hz: float = 0.0
    fmax_hz: float = 8_000.0
    power_floor: float = 1e-10
    window_samples: int = 48_000
    dtype: str = "uint8"
    silence: tuple[SilenceRule, ...] = REPORT_SILENCE
    win_samples: int = _added(0)  # of a frame, which zeros then fill up to n_fft; 0: n_fft
    spectrum: Literal["power", "magnitude"] = _added("power")
    reference: Literal["librosa", "tensorflow"] = _added("librosa")  # whose mel filters, and rounding of the window
    log: Literal["decibel", "natural"] = _added("decibel")  # the one has power_floor, the other log_offset
    log_offset: float = _added(0.0)  # added before the natural logarithm
    scaling: Literal["image", "none"] = _added("image")  # of what networks are fed: 0..255 by a window's range, or none

    def __post_init__(self) -> None:
        for name in ("sample_rate_hz", "n_fft", "hop_samples", "mel_bands"):
            _require(getattr(self, name) >= 1, name, "a whole number >= 1", getattr(self, name))
        _require(0 <= self.win_samples <= self.n_fft, "win_samples", "0 to n_fft", self.win_samples)
        _require(self.window_samples >= self.frame_samples, "window_samples", "at least a frame's", self.window_samples)
        _require(
            0 <= self.fmin_hz < self.fmax_hz <= self.sample_rate_hz / 2,
            "fmin_hz, fmax_hz",
            "0 <= fmin < fmax <= half the sample rate",
            (self.fmin_hz, self.fmax_hz),
        )
        _require(self.power_floor > 0, "power_floor", "a number above 0", self.power_floor)
        for name, known in (
            ("dtype", DTYPES),
            ("spectrum", SPECTRA),
            ("reference", REFERENCES),
            ("log", LOGARITHMS),
            ("scaling", SCALINGS),
        ):
            _require(getattr(self, name) in known, name, f"one of {known}", getattr(self, name))
        if self.log == "natural":
            _require(0 < self.log_offset < math.inf, "log_offset", "a number above 0", self.log_offset)
        else:
            _require(self.log_offset == 0, "log_offset", "0 with decibels", self.log_offset)
        for split in SPLITS:
            _require(
                any(split in rule.splits and rule.up_to_s == math.inf for rule in self.silence),
                "silence",
                f"a rule without a length limit for {split} clips",
                self.silence,
            )

    @property
    def frame_samples(self) -> int:
        """Samples that a frame sees."""
        return self.win_samples or self.n_fft

    @property
    def window_frames(self) -> int:
        """Frames in a window: 92."""
        return self.frames(self.window_samples)

    @property
    def window_hops(self) -> int:
        """Whole hops that cover what the frames of a window see: 93, that is 47,616 samples."""
        return self.hops(self.window_frames)

    @property
    def decibels_per_unit(self) -> float:
        """Decibels of power for 1 of a log-mel: 1, or those of a factor e."""
        return 1.0 if self.log == "decibel" else DECIBELS_PER_FACTOR_OF_TEN[self.spectrum] / math.log(10)

    @property
    def log_floor(self) -> float:
        """The log-mel of digital silence, and the least there is."""
        return 10 * math.log10(self.power_floor) if self.log == "decibel" else math.log(self.log_offset)

    def frames(self, samples: int) -> int:
        """Frames of a clip of so many samples, without padding."""
        return 1 + (samples - self.frame_samples) // self.hop_samples

    def hops(self, frames: int) -> int:
        """Whole hops that cover what so many neighbouring frames see; the last may reach beyond the end of a clip."""
        return frames - 1 + math.ceil(self.frame_samples / self.hop_samples)

    def silence_rule(self, split: str, seconds: float) -> SilenceRule:
        """The rule for a clip of this split and length."""
        return next(rule for rule in self.silence if split in rule.splits and seconds <= rule.up_to_s)

    def digest(self) -> str:
        """SHA-256 of the configuration: equal if and only if every field is."""
        return hashlib.sha256(to_json(self).encode()).hexdigest()


NAMED = {
    "report": FeatureConfig(),
    # Twice the report's rate and more bands, as the competition's winners had; windows of as many frames.
    "wide": FeatureConfig(
        sample_rate_hz=32_000, n_fft=2048, hop_samples=1024, mel_bands=128, fmax_hz=16_000.0, window_samples=96_000
    ),
    # The front end of Google's YAMNet (tensorflow/models, research/audioset/yamnet): 0.96 s are a patch of 96x64. The
    # rounding of uint8 moves its embeddings, that of float16 hardly does.
    "yamnet": FeatureConfig(
        n_fft=512,
        hop_samples=160,
        mel_bands=64,
        fmin_hz=125.0,
        fmax_hz=7_500.0,
        window_samples=15_600,
        dtype="float16",
        win_samples=400,
        spectrum="magnitude",
        reference="tensorflow",
        log="natural",
        log_offset=0.001,
        scaling="none",
    ),
}


# Fields that earlier versions did not have, and JSON does not where they are at their defaults.
ADDED_FIELDS: dict[str, Any] = {
    field.name: field.default for field in dataclasses.fields(FeatureConfig) if field.metadata.get("added")
}


def to_json(config: Any) -> str:
    """Canonical JSON of a configuration dataclass; an unlimited length is written as null."""
    fields = dataclasses.asdict(config)
    if isinstance(config, FeatureConfig):
        fields = {name: value for name, value in fields.items() if (name, value) not in ADDED_FIELDS.items()}
    return json.dumps(_finite(fields), sort_keys=True, separators=(",", ":"), allow_nan=False)


def feature_config_from_json(fields: Any) -> FeatureConfig:
    """The configuration that :func:`to_json` wrote, as parsed JSON.

    Raises:
        DataError: a field is missing, unknown or of another type.
    """
    if not isinstance(fields, dict):
        raise DataError(f"the feature configuration: expected a JSON object, received {type(fields).__name__}")
    try:
        rules = tuple(
            SilenceRule(
                **{
                    **rule,
                    "splits": tuple(rule["splits"]),
                    "up_to_s": math.inf if rule["up_to_s"] is None else rule["up_to_s"],
                }
            )
            for rule in fields["silence"]
        )
        return FeatureConfig(**{**fields, "silence": rules})
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"the feature configuration does not fit this version of fat2019: {error}") from error


def differences(ours: FeatureConfig, theirs: FeatureConfig) -> list[str]:
    """The fields in which two configurations differ, as ``name: ours, theirs``."""
    a, b = dataclasses.asdict(ours), dataclasses.asdict(theirs)
    return [f"{name}: {a[name]} against {b[name]}" for name in a if a[name] != b[name]]


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if value == math.inf else value
