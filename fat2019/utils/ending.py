"""How a program ends that is told to by a signal: within seconds, with nothing left behind, whatever comes how often.

SIGINT (Ctrl-C), SIGTERM and SIGHUP are the same but for the exit status. The first one raises KeyboardInterrupt in the
main thread, or between two steps of a training, so that what is begun is taken back on the way out. A second one, or
seconds in which that came to no end (code in C may take long to return), ends the process at once: its children are
killed, what it has half-written is removed, one line is said. All files are written so that this harms none of them.

Python runs handlers in the main thread alone, between two instructions of its own. So a thread of this module hears of
signals too, by the file descriptor that Python tells of them at once.
"""

import contextlib
import logging
import multiprocessing
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SECONDS_TO_END = 5.0
_SECONDS_TO_DIE = 2.0  # of killed children, so that they write nothing after the files were removed
_SHOW_CURSOR = b"\r\x1b[K\x1b[?25h"  # a progress bar hides it

Action = Callable[[], object]

_actions: list[Action] = []
_program: "Program | None" = None


@contextlib.contextmanager
def undone(action: Action) -> Iterator[None]:
    """While within, an end of the program at once does this first; leaving is up to the caller.

    Args:
        action: removes what is half-written. It may run in another thread, beside what is being done.
    """
    _actions.append(action)
    try:
        yield
    finally:
        _actions.remove(action)


@contextlib.contextmanager
def deferred() -> Iterator[Callable[[], None]]:
    """While within, a first signal is only noted; the function that is given raises KeyboardInterrupt for it.

    That is also done on leaving, if there was no error. In a program whose signals this module does not take, it is
    SIGINT alone, and a second one is raised at once; one that has a handler of its own, or another thread than the
    main one, is left as it is.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
    elif _program is not None:
        with _program.deferring():
            yield _program.raise_noted
        _program.raise_noted()
    elif signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        with _noting() as noted:
            yield noted
        noted()
    else:
        yield lambda: None


@contextlib.contextmanager
def _noting() -> Iterator[Callable[[], None]]:
    pressed = []

    def note(*_: object) -> None:
        pressed.append(True)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def raise_noted() -> None:
        if pressed:
            pressed.clear()
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, note)
    try:
        yield raise_noted
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def asked() -> signal.Signals | None:
    """The first signal that told this program to end."""
    return _program.first if _program else None


def last_words(line: Callable[[], str]) -> None:
    """Set the line that is said when the program ends at once."""
    if _program:
        _program.line = line


def may_say() -> bool:
    """Whether the line is still to be said: once, by whoever asks first, of the two who may be ending the program."""
    return _program is None or _program.unsaid.acquire(blocking=False)


@contextlib.contextmanager
def signals_taken() -> Iterator[None]:
    """Take the signals of this process, from here to its end: for a program, not for a library.

    Signals that whoever started it has it ignore (``nohup``, a shell's background) stay ignored.
    """
    global _program
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _program = Program()
    status: object = 0
    try:
        with _program.deferring():
            _program.start()
        _program.raise_noted()
        yield
    except BaseException as error:
        status = error.code if isinstance(error, SystemExit) else 1
        if _program.first:
            _program.end(status if isinstance(error, SystemExit) else None)
        raise
    finally:
        _program.over = status if isinstance(status, int) else 1


class Program:
    """The one program that this process is."""

    def __init__(self) -> None:
        self.first: signal.Signals | None = None
        self.line: Callable[[], str] = lambda: "Error: interrupted"
        self.over: int | None = None  # the exit status, when all is done and printed
        self._told = 0  # the first signal, as the thread heard of it
        self._deferrals = 0
        self._noted = False
        self._ends = threading.Lock()
        self.unsaid = threading.Lock()
        try:
            self._standard_error: int | None = os.dup(2)  # which may be turned elsewhere for a while
        except OSError:
            self._standard_error = None

    def start(self) -> None:
        """Install the handlers, and the thread that sees to it that they are followed."""
        heard, told = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(told, warn_on_full_buffer=False)
        for number in _SIGNALS:
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                signal.signal(number, self._handle)
        threading.Thread(target=self._watch, args=(heard,), daemon=True, name="signals").start()

    @contextlib.contextmanager
    def deferring(self) -> Iterator[None]:
        """Signals are only noted."""
        self._deferrals += 1
        try:
            yield
        finally:
            self._deferrals -= 1

    def raise_noted(self) -> None:
        """Raise KeyboardInterrupt for a signal that was noted."""
        if self._noted:
            self._noted = False
            self._raise()

    def end(self, status: object) -> None:
        """End the process after what was begun is taken back: what others do at a program's end may take for ever."""
        with self._ends:
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(OSError, ValueError, AttributeError):
                    stream.flush()
            self._undo()
            if status is None:
                self._say()
            os._exit(status if isinstance(status, int) else self._status())

    def _handle(self, number: int, _: Any) -> None:
        if self.over is not None:
            self._end_at_once()
        if self.first is not None:
            return  # what the first one started is not to be broken off: the thread ends all of it
        self.first = signal.Signals(number)
        if self._deferrals:
            self._noted = True
        else:
            self._raise()

    def _raise(self) -> NoReturn:
        _silence()
        raise KeyboardInterrupt

    def _watch(self, heard: int) -> None:
        self._told = self._hear(heard, None)
        if self.over is None:
            self._hear(heard, _SECONDS_TO_END)
        self._end_at_once()

    def _hear(self, heard: int, seconds: float | None) -> int:
        """The next of the signals, or 0 after so many seconds."""
        while select.select([heard], [], [], seconds)[0]:
            number = os.read(heard, 1)[0]
            if number in _SIGNALS and getattr(signal.getsignal(number), "__self__", None) is self:
                return number
        return 0

    def _end_at_once(self) -> None:
        if self._ends.acquire(timeout=_SECONDS_TO_DIE):  # else flushing, of all things, comes to no end
            _silence()
            _kill_children()
            self._undo()
            if self.over is None:
                self._say()
        os._exit(self._status() if self.over is None else self.over)

    def _undo(self) -> None:
        for action in reversed(_actions.copy()):
            with contextlib.suppress(Exception):
                action()

    def _say(self) -> None:
        line = self.line()
        if self._standard_error is not None and self.unsaid.acquire(blocking=False):
            cursor = _SHOW_CURSOR if os.isatty(self._standard_error) else b""
            with contextlib.suppress(OSError):
                os.write(self._standard_error, cursor + line.encode() + b"\n")

    def _status(self) -> int:
        return 128 + (self.first or self._told or signal.SIGINT)


def _silence() -> None:
    """Of what falls over on the way out nothing is printed: that it was told to end is all there is to say."""
    logging.disable(logging.CRITICAL)
    sys.unraisablehook = lambda _: None
    threading.excepthook = lambda _: None


def _kill_children() -> None:
    children = multiprocessing.active_children()
    for child in children:
        child.kill()
    for child in children:
        child.join(_SECONDS_TO_DIE)
