from __future__ import annotations

from pathlib import Path

from jumar.exports.hiding import hider, unknown

ENVIRONMENT = {
    "OPENAI_API_KEY": "abcdef-0123456789",
    "MY_PLACE": "/data/of/ours",
    "HOME": "/home/ann",
    "TOKEN": "ab",
}


def test_values_of_variables_that_sound_secret_are_hidden_wherever_they_stand() -> None:
    hide = hider(ENVIRONMENT, (), {})
    assert hide("key=abcdef-0123456789!") == "key=[OPENAI_API_KEY]!"


def test_what_runs_are_given_is_hidden_whatever_it_is_called() -> None:
    assert hider(ENVIRONMENT, ("MY_PLACE",), {})("in /data/of/ours") == "in [MY_PLACE]"
    assert hider({}, ("SALT=saltsalt",), {})("saltsalt") == "[env]"


def test_short_values_are_left_alone_as_they_would_hit_any_word() -> None:
    assert hider(ENVIRONMENT, (), {})("abc, about") == "abc, about"


def test_places_of_this_machine_get_their_short_names_and_others_stay() -> None:
    hide = hider({}, (), {Path("/home/ann"): "~", Path("/home/ann/code"): "."})
    assert hide("/home/ann/code/a.py and /home/ann/.ssh, /home/anna, x/home/ann") == (
        "./a.py and ~/.ssh, /home/anna, x/home/ann"
    )


def test_the_root_of_the_disk_is_no_place_to_hide() -> None:
    assert hider({}, (), {Path("/"): "~"})("a / b") == "a / b"


def test_keys_are_known_by_their_shape() -> None:
    hide = hider({}, (), {})
    for key in (f"sk-{20 * 'a'}", f"ghp_{20 * 'b'}", f"hf_{20 * 'c'}", f"AKIA{16 * 'D'}"):
        assert hide(f"using {key} now") == "using [hidden] now"
    assert hide("postgresql://ann:pw@host/db") == "postgresql://[hidden]@host/db"
    assert (
        hide("-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\nrest") == "[hidden]\nrest"
    )
    assert hide("https://host/a:b@c") == "https://host/a:b@c"


def test_a_secret_of_the_runs_that_is_not_set_here_is_not_known() -> None:
    assert unknown({}, ("MY_TOKEN", "HF_HOME", "A_KEY=fixed")) == ("MY_TOKEN",)
    assert unknown({"MY_TOKEN": ""}, ("MY_TOKEN",)) == ()
