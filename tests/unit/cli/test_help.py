"""``asem --help``: every verb with its first sentence, whole."""

from __future__ import annotations

from click.testing import CliRunner

from asem_core.cli.main import command_line


def test_no_sentence_is_cut() -> None:
    asem, _ = command_line()
    _, _, shown = CliRunner().invoke(asem, ["--help"]).stdout.partition("Commands:")
    assert shown
    assert "..." not in shown
    words = " ".join(shown.split())
    assert "doctor Show what ASEM finds on this machine, what is broken, and what to install for more speed." in words
    assert "evaluate Score the segmentation PRED against the ground truth LABELS." in words
