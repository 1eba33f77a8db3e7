using Rag.Foundation;
using Rag.Runbook;

namespace Rag.Tests.Runbook;

public sealed class RunbookParserTests
{
    private const string Sample = """
        # Runbook

        ## Chapter

        Words.

        ### Warm rooms & halls

        To cool a room, do the following:

        1. Look at the thermometer in `ROOM`.
           ```sh
           cat /sys/ROOM
           ```
           Expected: a number below 30, and `OK`.
        2. Open a window.

           In the hall:
           ```sh
           open --hall
           ```
           Changes: the window
           is open. Expected: air.

           - On the roof of `HOUSE`:
           ```sh
           open --roof HOUSE ROOM OK
           ```
           - Changes: the roof
             is open.
        3. Wait. Then read this:
           ```
           not a command
           ```

        After the steps.

        ### Cold rooms

        Nothing.
        """;

    [Fact]
    public void Steps_commands_and_what_is_said_of_them_are_read()
    {
        var sections = RunbookParser.Parse(Sample);
        sections.Select(s => (s.Slug, s.Level, s.Chapter)).ShouldBe([("chapter", 2, "Chapter"), ("warm-rooms--halls", 3, "Chapter"), ("cold-rooms", 3, "Chapter")]);
        var warm = sections[1];
        warm.Intro.ShouldBe("To cool a room, do the following:");
        warm.Outro.ShouldBe("After the steps.");
        warm.Markdown.ShouldStartWith("### Warm rooms & halls");
        warm.Markdown.ShouldEndWith("After the steps.");
        warm.Steps.Select(s => (s.Id, s.Text)).ShouldBe([("1", "Look at the thermometer in `ROOM`."), ("2", "Open a window."), ("3", "Wait. Then read this:")]);
        var commands = warm.Commands.ToList();
        commands.Select(c => (c.Id, c.Text, c.Where, c.Expected, c.Changes)).ShouldBe(
        [
            ("1", "cat /sys/ROOM", null, "a number below 30, and `OK`.", null),
            ("2a", "open --hall", "In the hall", "air.", "the window is open."),
            ("2b", "open --roof HOUSE ROOM OK", "On the roof of `HOUSE`", null, "the roof is open."),
        ]);
        // What is expected names no value, and a value is known in the steps after it.
        commands[2].Placeholders.ShouldBe(["ROOM", "HOUSE"]);
        commands.Select(c => c.ReadOnly).ShouldBe([true, false, false]);
    }

    [Theory]
    [InlineData("## A\n\n1. One.\n\nWords.\n\n1. Other.", "two numbered lists")]
    [InlineData("## A\n\n1. One.\n\n   Expected: nothing stands before this.", "no command stands before")]
    [InlineData("## A\n\n## A", "Two sections are called 'a'")]
    public void What_breaks_the_convention_is_refused_with_its_reason(string markdown, string reason) =>
        Should.Throw<FormatException>(() => RunbookParser.Parse(markdown)).Message.ShouldContain(reason);

    [Theory]
    [InlineData("memory-leaks", "memory-leaks")]
    [InlineData("Memory leaks", "memory-leaks")]
    [InlineData("memory", "memory-leaks")]
    [InlineData("MemoryHigh", "memoryhigh")]
    [InlineData("plan", "planned-deployments")]
    [InlineData("high", "high-cpu-usage")]
    public void A_section_is_found_by_name_title_or_beginning(string name, string slug) => new RunbookText().Find(name).Slug.ShouldBe(slug);

    [Theory]
    [InlineData("memry", "memory-leaks")]
    [InlineData("databse", "database-connectivity")]
    [InlineData("slow cache", "cache-issues")]
    [InlineData("cach", "cache-issues, cachehitratelow")]
    [InlineData("", "'rag runbook' lists all")]
    public void A_name_that_is_no_sections_is_answered_with_near_ones(string name, string near)
    {
        var e = Should.Throw<RagException>(() => new RunbookText().Find(name));
        e.Kind.ShouldBe(ErrorKind.NotFound);
        e.Remedy.ShouldContain(near);
    }

    [Fact]
    public void Every_section_of_the_specification_is_there()
    {
        string[] specified =
        [
            "emergency-contacts", "service-level-objectives-slos", "incident-response", "severity-levels", "response-times", "common-scenarios", "high-cpu-usage", "memory-leaks", "cache-issues",
            "database-connectivity", "maintenance-procedures", "planned-deployments", "database-maintenance", "security-updates", "monitoring-playbook", "key-dashboards", "alert-rules",
            "performance-tuning", "optimization-checklist", "scaling-guidelines", "data-management", "backup-schedule", "retention-policies", "compliance--security", "regular-reviews", "audit-requirements",
        ];
        specified.Except(new RunbookText().Sections.Select(s => s.Slug)).ShouldBeEmpty();
    }

    [Fact]
    public void Every_command_says_what_is_expected()
    {
        foreach (var section in new RunbookText().Sections)
            foreach (var command in section.Commands) command.Expected.ShouldNotBeNullOrEmpty($"{section.Slug} {command.Id}");
    }

    [Theory]
    [InlineData("a 'b c' | d \"e | f\" && g > h; i 2>&1", "a,b c|d,e | f|g|i")]
    [InlineData("x $(date +%F) y\nz \\\n w", "x,$(date +%F),y|z,w")]
    [InlineData("openssl a < /dev/null 2> /dev/null | openssl b", "openssl,a|openssl,b")]
    public void Words_and_commands_are_found_as_a_shell_finds_them(string text, string expected) =>
        string.Join('|', ShellText.Commands(text).Select(c => string.Join(',', c))).ShouldBe(expected);

    [Theory]
    [InlineData("./rag status --server http://127.0.0.1:8080", "status")]
    [InlineData("./rag ask \"How long is leave?\" --server http://127.0.0.1:8080", "ask|How long is leave?")]
    [InlineData("rag documents list --collection a", "documents|list|--collection|a")]
    [InlineData("./rag cache clear --server http://127.0.0.1:8080", null)]
    [InlineData("./rag status --data drill", null)]
    [InlineData("./rag status --set Storage:DataDirectory=/", null)]
    [InlineData("./rag slo export /etc", null)]
    [InlineData("./rag status; rm -r /", null)]
    [InlineData("./rag ask \"$(rm -r /)\"", null)]
    [InlineData("./rag status --json", null)]
    [InlineData("curl -sS http://127.0.0.1:8080/readyz", null)]
    public void The_server_runs_nothing_but_commands_of_its_own_that_read(string line, string? arguments) =>
        (ProductCommands.Arguments(line) is { } words ? string.Join('|', words) : null).ShouldBe(arguments);
}
