import unittest

from template import render


class RenderTest(unittest.TestCase):
    def test_values_are_put_in(self):
        self.assertEqual(render("Hello {{ who.name }}!", {"who": {"name": "Ann"}}), "Hello Ann!")

    def test_values_are_escaped(self):
        self.assertEqual(render("{{ x }}", {"x": "<b> & co"}), "&lt;b&gt; &amp; co")

    def test_loops_nest(self):
        source = "{% for row in rows %}{% for x in row.xs %}{{ x }},{% end %};{% end %}"
        self.assertEqual(render(source, {"rows": [{"xs": [1, 2]}, {"xs": []}]}), "1,2,;;")

    def test_a_loop_must_end(self):
        with self.assertRaises(ValueError):
            render("{% for x in xs %}{{ x }}", {"xs": [1]})


if __name__ == "__main__":
    unittest.main()
