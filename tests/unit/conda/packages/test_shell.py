from __future__ import annotations

import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from condabox import process
from condabox.conda.packages.shell.evaluator import Shell
from condabox.conda.packages.shell.predicates import PrefixPaths
from condabox.conda.packages.shell.syntax import NotCompiledError
from condabox.conda.packages.shell.variables import Variables

FILES = ("bin/tool", "lib/a.so", "share/data/x.txt", "share/data/y z.txt")
STARTED_WITH = {"D": "d value", "E": "", "PATH": "/usr/bin:/bin"}
BASH = shutil.which("bash")
needs_bash = pytest.mark.skipif(BASH is None, reason="there is no bash to compare with")


@pytest.fixture(scope="session")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a real folder with `FILES`, so that bash can look as well."""
    root = tmp_path_factory.mktemp("prefix")
    for name in FILES:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
        path.chmod(0o755)
    return str(root)


def compiled(script: str, prefix: str) -> dict[str, str]:
    values = {**STARTED_WITH, "CONDA_PREFIX": prefix}
    shell = Shell(Variables.exporting(values), PrefixPaths.of(FILES, prefix=prefix))
    shell.source(script)
    return shell.exported


def refused(script: str, prefix: str = "/opt/env") -> str:
    with pytest.raises(NotCompiledError) as caught:
        compiled(script, prefix)
    return f"{caught.value.line}: {caught.value.reason}"


def run_by_bash(script: str, prefix: str) -> dict[str, str]:
    # A file, as `.` reads one: bash gives a script in -c other line numbers and no `return`.
    done = process.run(
        [str(BASH), "--norc", "--noprofile", "-c", "unset BASH_VERSION; . /dev/stdin; env -0"],
        env={**STARTED_WITH, "CONDA_PREFIX": prefix},
        stdin=script.encode(),
    )
    variables = dict(line.partition("=")[::2] for line in done.stdout.decode().split("\0") if line)
    return {
        name: value
        for name, value in sorted(variables.items())
        if name not in {"PWD", "SHLVL", "_", "OLDPWD"}
    }


SCRIPTS = {
    "nothing": "",
    "comments": "#!/bin/sh\n# a\n\n  # b\nexport A=1 # c\n",
    "export of several": "export A=1 B='2 3' C",
    "export after assignment": "A=1\nexport A",
    "export before assignment": "export A\nA=1",
    "not exported": "A=1; B=2; export B",
    "export -n": "export -n D",
    "export keeps spaces": "A='x  y'; export B=$A C=${A}",
    "export of a quoted assignment": "A='x y'; export \"B=$A\" 'C=$A'",
    "append": "A=1; A+=2; export A+=3; D+=' more'",
    "empty values": "export A= B='' C=\"\"",
    "quotes": "export A='a'\"b\"c\\ d B='it'\\''s' C=\"a \\\"b\\\" \\$D \\\\ \\x 'y'\"",
    "several lines": 'export A="x\ny" B=x\\\ny',
    "dollar alone": 'export A=$ B="$" C=a$/b',
    "braces": 'export A=${D}x B="${D}y" C=$D.z',
    "defaults": "export A=${X:-no} B=${X-no} C=${E:-no} D=${E-no} F=${D:-no}",
    "alternatives": "export A=${X:+yes} B=${X+yes} C=${E:+yes} F=${E+yes} G=${D:+yes}",
    "assigning defaults": "export A=${X:=1}$X B=${E:=2} C=${D:=3}; : ${Y:=4}; export Y",
    "nested defaults": 'export A=${X:-${Y:-"${D}"}} B="${X:-${Y:-a b}}"',
    "quotes in defaults": 'export A=${X:-\'a b\'} B="${X:-\'a b\'}" C="${X:-"a b"}" F=${X:-a\\}b}',
    "lengths": "export A=${#D} B=${#X}",
    "suffixes": "A=/a/b.c.d; export B=${A%/*} C=${A%%.*} F=${A%.d} G=\"${A%'.d'}\" H=${A%x}",
    "prefixes": "A=/a/b.c.d; export B=${A#/} C=${A##*/} F=${A#*.} G=${A##*.} H=${A#b}",
    "quoted patterns": 'A="a*b*c"; P="*"; export B=${A%"*"*} C=${A%"$P"*} F=${A%$P} G=${A##*\\*}',
    "classes": "A=abc123; export B=${A%%[0-9]*} C=${A##*[!0-9]} F=${A#[a-b]} G=${A#[]a]}",
    "replacements": "A='a b b'; export B=${A/b/x} C=${A//b/x} F=\"${A// /%20}\" G=${A/b}",
    "unset": "unset D; export A=${D-gone}",
    "unset of several": "A=1; export B=2; unset A B nothing; export A=${A-gone}",
    "if": "if true; then export A=1; fi; if false; then export B=1; fi",
    "if, elif, else": (
        "for X in 1 2 3; do\n"
        'if [ "$X" = 1 ]; then A="$A a"\nelif test "$X" = 2\nthen A="$A b"\nelse A="$A c"; fi\n'
        "done\nexport A"
    ),
    "not": "if ! false; then export A=1; fi; ! true || export B=1; ! [ -z '' ] || export C=1",
    "and, or": "true && export A=1; false && export B=1; false || export C=1; true || export F=1",
    "chains": "true && false || export A=1; false && true && export B=1 || export C=1",
    "lines that go on": "true &&\n  export A=1\nfalse ||\n\n export B=1; true \\\n && export C=1",
    "status": "false; A=$?; true; B=$?; [ a = b ]; C=$?; export A B C",
    "test": (
        '[ -n "$D" ] && export A=1; [ -z "$E" ] && export B=1; [ "$D" ] && export C=1\n'
        '[ "$E" ] || export F=1; [ ! -n "$E" ] && export G=1; [ "$D" != x ] && export H=1'
    ),
    "test without words": "[ ] || export A=1; [ -n ] && export B=1; test || export C=1",
    "unquoted in test": "[ -n $X ] && export A=1; [ -z $X ] && export B=1",
    "numbers": "[ 1 -eq 01 ] && export A=1; [ 2 -gt 10 ] || export B=1; [ 3 -le 3 ] && export C=1",
    "test -a -o": (
        '[ -n "$D" -a -z "$E" ] && export A=1; [ a = b -o c = c ] && export B=1\n'
        "[ a = a -a b = c -o d = d ] && export C=1; [ ! a = b -a a = a ] && export F=1\n"
        "[ \\( a = b -o c = c \\) -a a = b ] || export G=1"
    ),
    "files": (
        "P=$CONDA_PREFIX\n"
        'for f in bin/tool lib share/data "share/data/y z.txt" nothing bin/tool/x ""; do\n'
        '[ -e "$P/$f" ] && E="$E 1" || E="$E 0"; [ -f "$P/$f" ] && F="$F 1" || F="$F 0"\n'
        '[[ -d $P/$f ]] && G="$G 1" || G="$G 0"; [ -x "$P//$f" ] && H="$H 1" || H="$H 0"\n'
        'test -r "$P/./$f" && I="$I 1" || I="$I 0"\n'
        "done; export E F G H I"
    ),
    "double brackets": (
        '[[ $D == "d value" ]] && export A=1; [[ -z $X && -n $D ]] && export B=1\n'
        "[[ $D = d* ]] && export C=1; [[ $D == 'd*' ]] || export F=1\n"
        "[[ $D != *x* ]] && export G=1\n"
        "[[ ! -z $D || a == b ]] && export H=1; [[ ( a == b || c == c ) && $D ]] && export I=1\n"
        "[[ -v D && ! -v X ]] && export J=1; [[ $E ]] || export K=1; [[ 1 -lt 2 ]] && export L=1"
    ),
    "double brackets over lines": "[[ a == a &&\n b == b ||\n c == d ]] && export A=1",
    "case": (
        "for X in linux-64 osx-arm64 win 'a b'; do case $X in\n"
        '  linux-*) A="$A l" ;;\n (osx-*|win) A="$A $X";;\n "a b") A="$A q" ;;\n  *) A=none\n'
        "esac; done; export A"
    ),
    "case without match": "case x in y) export A=1;; esac; export B=$?",
    "for": 'L="a b  c"; for i in $L "$L" d; do A="$A<$i>"; done; export A i',
    "for without words": "for i in; do export A=1; done; for i in $X; do export B=1; done",
    "break, continue": (
        "for i in 1 2 3 4; do [ $i = 2 ] && continue; [ $i = 4 ] && break; A=$A$i; done; export A"
    ),
    "while": 'A=aaab; while [ "${A#a}" != "$A" ]; do A="${A#a}"; N=x$N; done; export A N',
    "until": "A=x; until [ ${#A} = 4 ]; do A=x$A; done; export A",
    "word splitting": "L=' a  b '; f() { export N=$#; }; f $L; export A=$N; f \"$L\"; export B=$N",
    "no splitting": "L='a b'; IFS=; for i in $L; do A=\"$A<$i>\"; done; export A",
    "functions": (
        'f() { export "$1=$2"; return 3; }\nf A "x y"; export B=$?\n'
        'function g { C=$#; shift; F="$*"; }; function h() { g "$@" z; }\nh 1 \'2 3\'; export C F'
    ),
    "arguments": (
        'f() { for a; do A="$A<$a>"; done; for a in $*; do B="$B<$a>"; done; export A B; }\n'
        "f 'x y' '' z"
    ),
    "local": (
        "A=out; f() { local A=in B; B=2; C=$A$B; export A; D=x; local D=y; }; f; export A C\n"
        "export F=${B-unset}"
    ),
    "local of a local": "f() { local A=1; g; B=$A; }; g() { local A=2; A=3; }; f; export B",
    "local is exported as outside": "f() { local D=in; }; f; g() { local E; unset E; }; g",
    "a function is forgotten": "f() { export A=1; }; unset -f f; f() { :; }; unset f; export B=1",
    "return": "export A=1\nreturn 0\nexport A=2",
    "return in if": "if [ -n x ]; then export A=1; return; fi; export A=2",
    "return in a loop of a function": "f() { for i in 1 2; do export A=$i; return; done; }; f",
    "what is printed": 'echo hello > /dev/null; printf "%s" x >&2; echo y 1>&2 2>/dev/null',
    "groups": "{ export A=1; B=2; } ; { export B; } >/dev/null 2>&1",
    "the command is a variable": "ERROR=false; ! $ERROR && export A=1",
    "nothing left of a command": "$X export A=1; $X $X; B=1 $X; export B",
    "pattern characters in values": "export A=* B=[x] C='?'; export F=$A\"$C\"",
    "what is not run": (
        'f() { uname -a | tr a b; }\nif [ -n "$X" ]; then A=$(date); eval x; (cd /); fi\n'
        "false && source x; true || `date`; case a in b) ls > out;; esac\n"
        'if [ -n "$X" ]; then a=(1 2); b[0]=1; echo ${a[0]} ${(%):-%x} ${X^^} $((1 + 1)); fi\n'
        "if false; then cat <<EOF | sort &\n ` ' \" $(\nEOF\nfi; false && (( 1 > 2 ))\nexport Z=1"
    ),
}


@needs_bash
@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_a_script_exports_what_bash_exports(script: str, prefix: str) -> None:
    expected = run_by_bash(script, prefix)

    assert compiled(script, prefix) == expected


BARE = st.text("abc/._:-+,@1=", min_size=1, max_size=4)
ANY = st.text("ab /.*?[]$\"'\\#~;&|{}()!=\n", max_size=5)
NAMES = st.sampled_from(["A", "B", "C", "D", "E", "CONDA_PREFIX"])
CHANGED = st.sampled_from(["A", "B", "C", "D"])


def single_quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def double_quoted(text: str) -> str:
    for character in '\\"$`':
        text = text.replace(character, "\\" + character)
    return f'"{text}"'


def escaped(text: str) -> str:
    return "".join("'\n'" if character == "\n" else "\\" + character for character in text)


PATTERNS = st.lists(
    st.sampled_from(["*", "?", "a", "b", "/", "[ab]", "[!a]", "'*'", '"$B"', "$C", "\\?", ":"]),
    max_size=3,
).map("".join)


def expansions(words: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def written(name: str, operator: str, word: str, pattern: str) -> str:
        operand = pattern if operator[0] in "%#" else word
        return f"${{{name}{operator}{operand}}}"

    operators = st.sampled_from([":-", "-", ":+", "+", "%", "%%", "#", "##"])
    return st.one_of(
        NAMES.map("${}".format).map(lambda text: text.replace("{}", "")),
        NAMES.map(lambda name: f"${name}"),
        NAMES.map(lambda name: f"${{{name}}}"),
        NAMES.map(lambda name: f"${{#{name}}}"),
        st.builds(written, NAMES, operators, words, PATTERNS),
    )


def parts(words: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        BARE,
        ANY.map(single_quoted),
        ANY.map(double_quoted),
        ANY.map(escaped),
        expansions(words),
        expansions(BARE).map(lambda text: f'"{text}"'),
        expansions(st.just("")).map(lambda text: f'"a {text} b"'),
    )


WORDS = st.recursive(
    BARE, lambda inner: st.lists(parts(inner), min_size=1, max_size=3).map("".join), max_leaves=4
)
TESTS = st.one_of(
    st.builds(
        "[ {} {} ]".format, st.sampled_from(["-n", "-z"]), WORDS.map(lambda word: f'"$A"{word}')
    ),
    st.builds('[ "$A" {} "$B"{} ]'.format, st.sampled_from(["=", "!="]), WORDS),
    st.builds("[[ {} {} {} ]]".format, WORDS, st.sampled_from(["==", "!="]), WORDS),
    st.builds("[[ $A == a{} ]]".format, PATTERNS),
    st.builds("[[ -n {} && ! -z {} || $C ]]".format, WORDS, WORDS),
    st.builds('[ -{} "$CONDA_PREFIX/{}" ]'.format, st.sampled_from("efd"), st.sampled_from(FILES)),
)
SIMPLE = st.one_of(
    st.builds("{}={}".format, CHANGED, WORDS),
    st.builds("{}+={}".format, CHANGED, WORDS),
    st.builds("export {}={}".format, CHANGED, WORDS),
    st.builds("export {}".format, CHANGED),
    st.builds("unset {}".format, CHANGED),
    st.builds("f {} {}".format, WORDS, WORDS),
    st.just("return"),
    TESTS,
)


def commands(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        SIMPLE,
        st.builds("{} && {}".format, SIMPLE, inner),
        st.builds("{} || {}".format, TESTS, inner),
        st.builds("! {}".format, TESTS),
        st.builds("if {}\nthen {}\nelse\n{}; fi".format, TESTS, inner, inner),
        st.builds('for i in {} {}; do\n{}\nB="$B$i"; done'.format, WORDS, WORDS, inner),
        st.builds("case {} in {}x) {};;\n*) {}\nesac".format, WORDS, PATTERNS, inner, inner),
        st.builds("{{ {}; {}; }}".format, inner, inner),
        st.builds("f() {{ local {}={}; {}; C=$#$1; export B; }}".format, CHANGED, WORDS, inner),
    )


PROGRAMS = st.lists(st.recursive(SIMPLE, commands, max_leaves=6), min_size=1, max_size=6).map(
    "\n".join
)


@needs_bash
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(PROGRAMS)
def test_any_script_exports_what_bash_exports(prefix: str, program: str) -> None:
    script = f"f() {{ :; }}\n{program}\nexport A B C"

    try:
        found = compiled(script, prefix)
    except NotCompiledError:
        return  # what is refused cannot be wrong

    assert found == run_by_bash(script, prefix)


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("\nA=$(uname)", "2: it needs a command substitution"),
        ("A=`uname`", "1: it needs a command substitution"),
        ("export A=$((1 + 1))", "1: it needs arithmetic"),
        ("(( 1 ))", "1: it needs arithmetic"),
        ("\n\nmkdir -p x", "3: it runs the command mkdir"),
        ("source x", "1: it runs the command source"),
        (". x", "1: it runs the command ."),
        ("eval A=1", "1: it runs the command eval"),
        ("true | false", "1: it needs a pipe"),
        ("true &", "1: it needs a command in the background"),
        ("(true)", "1: it needs a subshell"),
        ("a=(1 2)", "1: it needs an array"),
        ("A=${B[0]}", "1: it needs the expansion ${B[0]}"),
        ("A=${!B}", "1: it needs the expansion ${!B}"),
        ("A=${D^^}", "1: it needs the expansion ${D^^}"),
        ("A=${D:0:1}", "1: it needs the expansion ${D:0:1}"),
        ("A=${D//[a-z]/x}", "1: it replaces by a pattern"),
        ("A=${X:?}", "1: $X must be set"),
        ("A=$'x'", "1: it needs a $' string"),
        ("A=~/x", "1: ~ is not known before run time"),
        ("A=$HOME", "1: $HOME is not known before run time"),
        ("A=$1", "1: it needs the arguments of whoever activates"),
        ('A="$@"', "1: it needs the arguments of whoever activates"),
        ("for f in bin/*; do :; done", "1: it looks for files by a pattern"),
        ("[ -n {a,b} ]", "1: it needs {} to make several words"),
        ("IFS=:; for a in $D; do :; done", "1: it divides words at other characters than blanks"),
        ("[ -d /usr/lib ]", "1: whether /usr/lib exists is not known before run time"),
        ("[ -d lib ]", "1: whether lib exists is not known before run time"),
        (
            "[ -d $CONDA_PREFIX/../x ]",
            "1: whether /opt/env/../x exists is not known before run time",
        ),
        ("[ -s $CONDA_PREFIX/bin/tool ]", "1: it asks -s /opt/env/bin/tool"),
        ("[[ a =~ (a|b) ]]", "1: it needs a regular expression"),
        ("[[ a == @(a|b) ]]", "1: it has an extended pattern"),
        ("[[ a < b ]]", "1: it asks a < b"),
        ("[ x -eq y ]", "1: it asks x -eq y"),
        ("[ a b ]", "1: it has a test that is not clear"),
        ("[ a = a", "1: it runs the command ["),
        ("A=1 f", "1: it sets variables for f alone"),
        ("echo x > file", "1: it has a redirection, >file"),
        ("true < /dev/zero", "1: it has a redirection, </dev/zero"),
        ("local A=1", "1: it has local outside of a function"),
        ("shift", "1: it shifts arguments"),
        ("break", "1: it runs the command break"),
        ("export 1A=x", "1: '1A' is not the name of a variable"),
        ("export -p", "1: '-p' is not the name of a variable"),
        ("printf -v A x", "1: it runs the command printf"),
        ("if true; then", "1: it has 'its end' where fi should be"),
        ("if true\nfi", "2: it has 'its end' where then should be"),
        ("}", "1: it runs the command }"),
        (")", "1: it has ')' where a command should start"),
        ("true;; true", "1: it has ;; outside of case"),
        ("&& true", "1: it has '&' where a command should start"),
        ("A='x", "1: its ' has no end"),
        ('\nA="x\n', '2: its " has no end'),
        ("A=${D", "1: its ${ has no end"),
        ("A=${D:-x", "1: its ${ has no end"),
        ("A=`x", "1: its ` has no end"),
        ("A=$(x", "1: it has 'its end' where ) should be"),
        ("case x in", "1: it has 'its end' where ) should be"),
        ("f() { f; }; f", "1: f calls itself too often"),
        ("while true; do :; done", "1: it does not come to an end"),
        ("while [[ a ]]; do [[ b ]]; done", "1: it does not come to an end"),
        ("A=xxxxxxxx; while true; do A=$A$A; done", "1: $A becomes too long"),
        ("{ " * 50_000, "1: it is nested too deeply"),
        ("A=" + "${A:-" * 10_000, "1: it is nested too deeply"),
        ("#" * 300_000, "1: it is too long"),
    ],
)
def test_what_needs_more_than_variables_is_refused(script: str, problem: str) -> None:
    assert refused(script) == problem


def test_a_refused_script_changes_nothing() -> None:
    values = {"A": "before"}
    shell = Shell(Variables.exporting(values), PrefixPaths.of((), prefix="/opt/env"))

    with pytest.raises(NotCompiledError):
        shell.source("export A=after B=1; f() { g() { uname; }; local A=x; g; }; f")

    assert shell.exported == values
    assert not shell.variables.functions


def test_functions_and_variables_live_on_in_the_next_script() -> None:
    shell = Shell(Variables.exporting({}), PrefixPaths.of((), prefix="/opt/env"))

    shell.source("f() { export A=$B; }; B=1")
    shell.source("f")

    assert shell.exported == {"A": "1"}


def test_many_stars_take_no_time() -> None:
    script = f"A={'a' * 500}; export B=${{A%{'*a' * 200}b}}"

    assert compiled(script, "/opt/env")["B"] == "a" * 500


def test_nothing_in_the_prefix_can_be_written_to() -> None:
    script = '[ -w "$CONDA_PREFIX/lib" ] || export A=1'

    assert compiled(script, "/opt/env")["A"] == "1"


@settings(max_examples=300, deadline=None)
@given(st.text("abif;then \n$(){}[]\"'`\\|&<>=#*!:-dowhilecase", max_size=40))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    try:
        compiled(text, "/opt/env")
    except NotCompiledError as error:
        assert error.line >= 1  # noqa: PT017  (it need not be raised)
