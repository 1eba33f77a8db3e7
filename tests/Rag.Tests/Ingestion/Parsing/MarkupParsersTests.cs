using Rag.Ingestion.Parsing;
using Shouldly;
using Xunit;

namespace Rag.Tests.Ingestion.Parsing;

public sealed class MarkupParsersTests
{
    [Fact]
    public void Markdown_keeps_its_structure_and_loses_its_marks()
    {
        const string source = """
            ---
            title: "Backing up: the guide"
            tags: [a, b]
            ---
            <!-- a note to editors -->
            # Backup

            Run **backup** with `--all`; see [the guide](/guide) and
            <https://example.org>.[^1]

            3. Stop the *server*.
               1. Wait.
            4. Copy.

               ```sh
               cp -r data   backup
               ```

            - [x] done

            > Quoted.

            | Name | Size |
            |------|-----:|
            | a\|b | 1    |

            [^1]: A footnote.

            Term
            : Meaning.
            """;
        var document = ParsingData.Parse("backup.md", source);
        document.Title.ShouldBe("Backing up: the guide");
        ParsingData.Texts(document).ShouldBe(
        [
            "Backup", "Run backup with --all; see the guide and https://example.org.", "3. Stop the server.", "1. Wait.", "4. Copy.",
            "cp -r data   backup", "- [x] done", "Quoted.", "Name | Size", "a|b | 1", "Term: Meaning.", "A footnote.",
        ]);
        document.Blocks[2].Group.ShouldBe(document.Blocks[3].Group);
        document.Blocks[3].Level.ShouldBe(1);
        document.Blocks[5].Kind.ShouldBe(BlockKind.Code);
    }

    [Fact]
    public void Shortcodes_of_a_site_generator_leave_no_noise()
    {
        const string source = """
            {{% alert title="Careful" color="warning" %}}
            This deletes data.
            {{% /alert %}}

            {{< highlight bash >}}
            rm -rf {{ data }}
            {{< / highlight >}}

            See [here]({{< relref "/x" >}}) for version {{< param version >}}.
            """;
        ParsingData.Texts(ParsingData.Parse("x.md", source)).ShouldBe(["Careful", "This deletes data.", "rm -rf {{ data }}", "See here for version {version}."]);
    }

    [Fact]
    public void Of_a_page_without_marks_the_text_stays_and_the_menus_go()
    {
        string story = string.Concat(Enumerable.Repeat("The council met on Tuesday to discuss the bridge, and decided nothing. ", 12));
        string page = $"""
            <html lang="en"><head><title>The bridge</title><style>p {"{"}{"}"}</style></head><body>
            <div class="navbar"><a href="/">Home</a> <a href="/news">News</a> <a href="/sport">Sport</a> <a href="/mail">Mail</a></div>
            <div id="content"><h1>The bridge</h1><p>{story}</p><p>Second <b>para</b>graph.</p><div hidden>secret</div></div>
            <div class="sidebar"><ul><li><a href="1">One</a><li><a href="2">Two</a><li><a href="3">Three</a><li><a href="4">Four</a></ul></div>
            <footer>Copyright</footer><script>var x = "<p>no</p>";</script></body></html>
            """;
        var document = ParsingData.Parse("page.html", page);
        ParsingData.Texts(document).ShouldBe(["The bridge", story.Trim(), "Second paragraph."]);
        document.Metadata["language"].ShouldBe("en");
    }

    [Fact]
    public void The_element_marked_as_main_is_the_content()
    {
        string text = string.Concat(Enumerable.Repeat("Words of the article. ", 20)).Trim();
        string page = $"<body><header><h1>Site</h1></header><p>Outside.</p><main><h2>Part</h2><p>{text}</p><nav><a href=x>next</a></nav></main></body>";
        ParsingData.Texts(ParsingData.Parse("page.html", page)).ShouldBe(["Part", text]);
    }

    [Fact]
    public void Html_blocks_are_read_as_a_browser_shows_them()
    {
        const string page = """
            <p>One
               line.<br>Two.</p>text <i>between</i> blocks<ol start=5><li>five<ul><li>inner</li></ul></li><li><p>six</p><p>more</p></li></ol>
            <pre>a
              b</pre><table><caption>Sizes</caption><tr><th>K<th colspan=2>V<tr><td>1<td>2<td>3</table>
            <dl><dt>Term<dd>Meaning.</dl>
            """;
        var document = ParsingData.Parse("page.html", page);
        ParsingData.Texts(document).ShouldBe(["One line.\nTwo.", "text between blocks", "5. five", "- inner", "6. six", "more", "a\n  b", "Sizes", "K | V", "1 | 2 | 3", "Term: Meaning."]);
        document.Blocks[3].Level.ShouldBe(1);
    }

    [Fact]
    public void Restructured_text_keeps_titles_listings_and_lists()
    {
        const string source = """
            .. _label:

            =====
            Guide
            =====

            Set-up
            ------

            Use ``restic init`` as :ref:`explained <label>` in
            `the manual <https://example.org>`_::

                $ restic init
                done

            * one
            * two
              wrapped

            .. code-block:: console

               $ restic backup

            .. note:: Keep the password.
            """;
        ParsingData.Texts(ParsingData.Parse("x.rst", source)).ShouldBe(
            ["Guide", "Set-up", "Use restic init as explained in the manual:", "$ restic init\ndone", "- one", "- two wrapped", "$ restic backup", "Note: Keep the password."]);
    }

    [Fact]
    public void Wrapped_lines_of_plain_text_are_joined_and_meant_lines_are_kept()
    {
        const string source = """
            The first paragraph is wrapped at a width that somebody chose,
            so that its lines end where the next word found no more room
            on the line.

            12 Main Street
            Springfield

              1. first
              2. second,
                 longer
            """;
        ParsingData.Texts(ParsingData.Parse("x.txt", source)).ShouldBe(
        [
            "The first paragraph is wrapped at a width that somebody chose, so that its lines end where the next word found no more room on the line.",
            "12 Main Street\nSpringfield", "1. first", "2. second, longer",
        ]);
    }

    [Fact]
    public void Json_is_flattened_so_that_its_structure_can_be_read()
    {
        ParsingData.Texts(ParsingData.Parse("x.json", """{"name": "Pump", "power": {"value": 5, "unit": "kW"}, "tags": ["a", "b"]}"""))
            .ShouldBe(["name: Pump\ntags: a, b", "power", "value: 5\nunit: kW"]);
        ParsingData.Texts(ParsingData.Parse("x.json", """[{"id": 1, "city": "Rome"}, {"id": 2, "city": null}, {"id": 3, "city": "Oslo"}]"""))
            .ShouldBe(["id | city", "1 | Rome", "2", "3 | Oslo"]);
        ParsingData.Texts(ParsingData.Parse("x.jsonl", "{\"title\": \"T\", \"text\": \"One.\\n\\nTwo.\"}\n\n{\"a\": 1}")).ShouldBe(["T", "One.", "Two.", "a: 1"]);
        ParsingData.Refuse("x.json", "{\"a\": "u8.ToArray()).Message.ShouldContain("line 1");
    }

    [Fact]
    public void Csv_finds_its_delimiter_and_keeps_quoted_fields_whole()
    {
        ParsingData.Texts(ParsingData.Parse("x.csv", "name;note\nA;\"one; two\"\nB;\"say \"\"hi\"\"\"\n;;\n")).ShouldBe(["name | note", "A | one; two", "B | say \"hi\""]);
        ParsingData.Texts(ParsingData.Parse("x.tsv", "a\tb\n1,5\t2\n")).ShouldBe(["a | b", "1,5 | 2"]);
    }
}
