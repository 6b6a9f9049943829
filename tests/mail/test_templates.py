"""A template can do no harm, whoever wrote it; nor can a value, wherever it came from."""

from __future__ import annotations

import html.parser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cadenza.errors import TemplateInvalid, TokenMissing
from cadenza.mail.templates import compile_template


def render(source, is_html=False, **contact):
    return compile_template(source, is_html=is_html).render({"contact": contact, "sender": {"name": "Ana"}})


@pytest.mark.parametrize(
    "source",
    [
        "{{ contact.__class__ }}",
        "{{ contact['__class__'] }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ contact.items() }}",
        "{{ contact.first_name.upper() }}",
        "{{ contact.a.b }}",
        "{{ contact|attr('x') }}",
        "{{ contact.first_name|map('upper') }}",
        "{{ contact.first_name.format(x) }}",
        "{{ 7 * 7 }}",
        "{{ 'a' * 1000000000 }}",
        "{{ 2 ** 100000 }}",
        "{{ 'a' ~ 'b' }}",
        "{{ [1, 2] }}",
        "{{ {'a': 1} }}",
        "{{ (1, 2) }}",
        "{{ contact.x[0:5] }}",
        "{{ contact.x is defined }}",
        "{{ 1 < 2 }}",
        "{{ not contact.x }}",
        "{{ self }}",
        "{{ cycler }}",
        "{{ lipsum(n=5) }}",
        "{{ range(10) }}",
        "{{ contact }}",
        "{{ contact.first_name | default(contact.items()) }}",
        "{{ contact.first_name | default(value='x') }}",
        "{% for x in contact %}{% endfor %}",
        "{% if contact.items() %}x{% endif %}",
        "{% if contact.x in 'abc' %}x{% endif %}",
        "{% set x = 1 %}",
        "{% macro m() %}{% endmacro %}",
        "{% include '/etc/passwd' %}",
        "{% import 'x' as y %}",
        "{% extends 'x' %}",
        "{% block b %}{% endblock %}",
        "{% filter upper %}x{% endfilter %}",
        "{% call x() %}{% endcall %}",
        "{% with a = 1 %}{% endwith %}",
        "{% raw %}{{ x }}{% endraw %}",
        "{{ contact.x | _html }}",
        "{{",
        "{% if contact.x %}",
        "{% endif %}",
        "{{ (" * 5_000,
        "{% if contact.x %}" * 200 + "{% endif %}" * 200,
        "x" * 300_000,
    ],
)
@pytest.mark.parametrize("is_html", [True, False])
def test_what_computes_calls_or_looks_around_is_refused(source, is_html):
    with pytest.raises(TemplateInvalid):
        compile_template(source, is_html=is_html)


@pytest.mark.parametrize(
    "source",
    [
        "<p {{ contact.x }}>a</p>",
        "<{{ contact.x }}>a",
        "<p style='color: {{ contact.x }}'>a</p>",
        "<style>p { color: {{ contact.x }} }</style>",
        "<script>{{ contact.x }}</script>",
        "<p onclick='{{ contact.x }}'>a</p>",
        "<a href='javascript:{{ contact.x }}'>a</a>",
        "<!-- {{ contact.x }} -->",
        "<a href='{% if contact.x %}x{% endif %}'>a</a>",
        "<title>{{ contact.x }}</title>",
        "<iframe srcdoc='{{ contact.x }}'></iframe>",
    ],
)
def test_a_token_where_no_value_is_safe_is_refused(source):
    with pytest.raises(TemplateInvalid, match="line 1"):
        compile_template(source, is_html=True)


def test_every_problem_is_named_with_its_line():
    with pytest.raises(TemplateInvalid) as caught:
        compile_template("a\n{% for x in y %}{% endfor %}\n{{ contct.name }}\n{{ contact.firstname }}", is_html=False)
    assert [line for line, _ in caught.value.problems] == [2, 3, 4]
    assert "did you mean contact.first_name?" in str(caught.value)


def test_a_value_is_never_read_as_a_template_or_as_html():
    evil = "{{ 7*7 }}<script>alert(1)</script>&{% if %}"
    assert render("{{ contact.x }}", x=evil) == evil
    assert render("{{ contact.x }}", True, x=evil) == ("{{ 7*7 }}&lt;script&gt;alert(1)&lt;/script&gt;&amp;{% if %}\n")


def test_braces_hidden_in_entities_stay_text():
    assert render("<p>&#123;&#123; contact.x }}</p>", True, x="secret") == "<p>&#123;&#123; contact.x }}</p>\n"


@pytest.mark.parametrize(
    ("value", "target"),
    [
        ("https://x.example/?a=1&b", "https://x.example/?a=1&amp;b"),
        ("www.x.example", "https://www.x.example"),
        ("mailto:a@x.example", "mailto:a@x.example"),
        ("javascript:alert(1)", "#"),
        (" java\nscript:alert(1)", "#"),
        ("data:text/html,x", "#"),
        ('https://x.example/" onclick="x', "https://x.example/&#34;onclick=&#34;x"),
    ],
)
def test_a_value_leads_only_to_web_mail_and_telephone_addresses(value, target):
    assert render("<a href='{{ contact.x }}'>a</a>", True, x=value) == f'<a href="{target}">a</a>\n'


def test_a_value_inside_a_link_cannot_change_where_it_leads():
    link = render("<a href='https://x.example/?n={{ contact.x }}'>a</a>", True, x='a&b=c#/../é"')
    assert link == '<a href="https://x.example/?n=a%26b%3Dc%23%2F..%2F%C3%A9%22">a</a>\n'


class Tags(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, tuple[str, ...]]] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, tuple(name for name, _ in attrs)))


PLACES = (
    "<p title='{{ contact.x }}'>{{ contact.x | upper }}<a href='{{ contact.x }}'>a</a>"
    "<img src='https://x.example/{{ contact.x }}' alt='{{ contact.x }}'></p>"
)


@settings(max_examples=300, deadline=None)
@given(st.text(min_size=1).filter(str.strip))
def test_no_value_adds_a_tag_or_an_attribute(value):
    tags = Tags()
    tags.feed(render(PLACES, True, x=value))
    assert tags.seen == [("p", ("title",)), ("a", ("href",)), ("img", ("src", "alt"))]


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("<>/\"'=&;{}%- \nascriptyleonhrefjvx:!#")))
def test_no_html_however_broken_brings_a_script(source):
    try:
        made = render(source, True, x="v")
    except (TemplateInvalid, TokenMissing):
        return
    tags = Tags()
    tags.feed(made)
    assert not any(tag in ("script", "style", "iframe", "object") for tag, _ in tags.seen)
    assert not any(name.startswith("on") for _, names in tags.seen for name in names)


def test_active_content_is_taken_out():
    dirty = (
        "<p onclick='x()' style='color:red;position:fixed;background:url(//x)'>a<script>1</script><img src=x onerror=y>"
        "<form><input></form></p><!-- c --><a href='vbscript:x'>b</a>"
    )
    assert render(dirty, True) == '<p style="color:red">a<img src="x"></p><p></p><a>b</a>\n'


class Harmful:
    def __str__(self) -> str:
        raise AssertionError("a value was asked for more than it is")

    items = property(lambda self: 1 / 0)


def test_only_plain_data_has_a_value():
    template = compile_template("{{ contact.items | default('none') }}", is_html=False)
    assert template.render({"contact": {}}) == "none"
    assert template.render({"contact": {"items": Harmful()}}) == "none"
    assert template.render({"contact": Harmful()}) == "none"
    assert template.render({"contact": {"items": 7}}) == "7"


@pytest.mark.parametrize("blank", [None, "", " ", "\n"])
def test_a_blank_value_is_no_value(blank):
    assert render("{{ contact.x | default('there') }}", x=blank) == "there"
    assert render("{% if contact.x %}a{% else %}b{% endif %}", x=blank) == "b"
    with pytest.raises(TokenMissing, match=r"contact\.x"):
        render("{{ contact.x }}", x=blank)


@pytest.mark.parametrize(
    ("source", "required"),
    [
        ("{{ contact.a }}", ["contact.a"]),
        ("{{ contact['Job area'] }}", ["contact.Job area"]),
        ("{{ contact.a | upper }}", ["contact.a"]),
        ("{{ contact.a | default('x') }}", []),
        ("{{ contact.a | upper | default('x') }}", []),
        ("{{ contact.a | default(contact.b) }}", ["contact.b"]),
        ("{{ contact.a or contact.b }}", ["contact.b"]),
        ("{{ contact.a if contact.a else 'x' }}", []),
        ("{{ contact.a if contact.b }}", ["contact.a"]),
        ("{% if contact.a and contact.b %}{{ contact.a }} {{ contact.b }}{% endif %}", []),
        ("{% if contact.a or contact.b %}{{ contact.a }}{% endif %}", ["contact.a"]),
        ("{% if contact.a == 'x' %}{{ contact.a }}{% endif %}", []),
        ("{% if contact.a != 'x' %}{{ contact.a }}{% endif %}", ["contact.a"]),
        ("{% if contact.a %}x{% elif contact.b %}{{ contact.b }}{% else %}{{ contact.a }}{% endif %}", ["contact.a"]),
    ],
)
def test_it_knows_which_tokens_must_have_a_value(source, required):
    template = compile_template(source, is_html=False)
    assert list(template.required) == required
    assert list(compile_template(source, is_html=True).required) == required
    values = dict.fromkeys((path.removeprefix("contact.") for path in required), "v")
    assert template.render({"contact": values}) is not None


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ contact.d | date('%d.%m.%Y') }}", "02.03.2026"),
        ("{{ contact.d | date }}", "02 March 2026"),
        ("{{ contact.d | date('%999999999d') }}", "2026-03-02"),
        ("{{ contact.n | title }}", "Kim O'doe"),
        ("{{ contact.n | capitalize }}", "Kim o'doe"),
        ("{{ contact.n | trim | upper }}", "KIM O'DOE"),
        ("{{ contact.n | date }}", " kim o'doe ".strip()),
    ],
)
def test_filters_change_the_value(source, text):
    assert render(source, d="2026-03-02", n="kim o'doe") == text
