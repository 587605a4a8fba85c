"""Texts of others are only shown: no command for a terminal, no line of their own, no HTML and no link in Markdown."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from analysis.report._document import Bullets, Code, Document, Folded, Heading, Link, Paragraph, Table
from analysis.report._markdown import to_markdown
from analysis.verdict.answer import Answer
from cluster.console.command_line import echo
from cluster.console.console_tables import print_row, print_rows
from cluster.console.shared_console import Terminal
from optimizers.shown_text import code_block, markdown, shown, shown_line

# They clear the screen, set its title, move up and overwrite, link to elsewhere, and reverse the order of writing.
COMMANDS = [
    *("\x1b[2J", "\x1b]0;title\x07", "\x1b[1A\x1b[2K", "\x1b]8;;http://evil\x1b\\x"),
    *("\x9b2J", "\r", "\u202egnp", "\x00", "\x7f"),
]
ACTIVE = [
    *("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<a href='javascript:alert(1)'>x</a>", "&lt;b&gt;"),
    *("[x](javascript:alert(1))", "![x](http://evil/x.png)", "[adam]: http://evil", "[x][adam]", "<http://evil>"),
    *("# heading", "- item", "* item", "+ item", "1. item", "> quote", "```\ncode", "~~~", "---", "===", "[^1]: x"),
    *("a\n\n# b", "a\n---"),
    *("a | b", "\\", "\\<b>", "x\\|y", "$\\href{javascript:alert(1)}{x}$", "    indented", "\t<b>"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=repr)
def test_no_command_reaches_a_terminal(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = f"before {command} after"
    console = Terminal(width=200)
    console.print(text, markup=False, highlight=False)
    print_rows(console, [{"name": text, "value": 1}])
    print_row(console, {"name": text, "several": [text]})
    echo(text)
    echo(text, err=True)
    out, err = capsys.readouterr()
    assert f"{out}{err}".count(f"before {shown_line(command)} after") == 6
    assert not [letter for letter in f"{out}{err}" if letter != "\n" and not letter.isprintable()]


@given(st.text())
def test_a_text_of_one_line_stays_one(text: str) -> None:
    assert len(shown_line(text).splitlines()) <= 1
    assert len(markdown(text).splitlines()) <= 1
    assert shown(text).count("\n") == text.count("\n")
    printable = "".join(letter for letter in text if letter.isprintable())
    if printable == text:
        assert shown_line(text) == text


def rendered(text: str) -> str:
    """As GitHub would show it: HTML of the file's own is kept, and tables are known."""
    return MarkdownIt("commonmark", {"html": True, "linkify": False}).enable("table").render(text)


@pytest.mark.parametrize("text", ACTIVE, ids=repr)
def test_markdown_shows_a_text_and_does_nothing_else(text: str) -> None:
    document = Document(
        text,
        [
            Heading(2, text),
            Paragraph([text, " ", Link(text, "http://127.0.0.1:5000/#/x) <b>")]),
            Bullets([text]),
            Table([text, "b"], [[text, Link(text, "http://127.0.0.1:5000/")]]),
            Folded(text, [Paragraph([text])]),
            Code("sh", text),
        ],
    )
    html = rendered(to_markdown(document, "figures") + "\n[adam] [1]")
    assert "<script" not in html
    assert "<img" not in html
    assert "<b>" not in html
    assert {address[:21] for address in re.findall(r'(?:href|src)="([^"]*)', html)} == {"http://127.0.0.1:5000"}
    assert html.count("<h1>") == html.count("<h2>") == html.count("<table>") == 1
    assert html.count("<li>") == 1
    assert html.count("<pre>") == 1
    assert html.count("<hr") == 0
    assert html.count("<td>") == 2
    assert html.count("<a ") == 2


def test_an_answer_in_a_notebook_holds_no_html_and_prints_no_command() -> None:
    answer = Answer("<img src=x>\x1b[2J", ("<b>a</b>", "[x](javascript:1)"))
    assert "<img" not in rendered(answer._repr_markdown_())
    assert "<a" not in rendered(answer._repr_markdown_())
    assert "\x1b" not in repr(answer)


def test_a_block_of_code_ends_where_it_is_meant_to() -> None:
    html = rendered(code_block("a\n```\n# b\n````\nc", "yaml"))
    assert "<h1>" not in html
    assert html.count("<pre>") == 1
