using Microsoft.Extensions.Time.Testing;
using Rag.Foundation;
using Rag.Runbook;

namespace Rag.Tests.Runbook;

/// <summary>Walks with a real shell, in a folder of their own.</summary>
public sealed class RunbookWalkTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("rag-walk-").FullName;
    private readonly List<string> _said = [];
    private readonly List<string> _asked = [];

    private string Said => string.Join('\n', _said);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private Task<(string Outcome, IReadOnlyList<StepEvidence> Evidence)> WalkAsync(string steps, Func<string, string?>? ask = null, string[]? yes = null, Dictionary<string, string>? values = null, string? server = null)
    {
        var section = RunbookParser.Parse($"## Section\n\n{steps.ReplaceLineEndings("\n").Replace("FOLDER", _folder, StringComparison.Ordinal)}").Single();
        return RunAsync(section, new(server, (yes ?? []).ToHashSet(), values ?? [], "tester"), ask);
    }

    private async Task<(string Outcome, IReadOnlyList<StepEvidence> Evidence)> RunAsync(RunbookSection section, WalkOptions options, Func<string, string?>? ask)
    {
        var walk = new RunbookWalk(section, options, TimeProvider.System, _said.Add, ask is null ? null : question =>
        {
            _asked.Add(question);
            return ask(question);
        }, (_, _) => Task.CompletedTask);
        return (await walk.RunAsync(TestContext.Current.CancellationToken), walk.Evidence);
    }

    private const string TwoSteps = """
        1. Look.
           ```sh
           echo looked; ls FOLDER
           ```
           Expected: a list.
        2. Write.
           ```sh
           echo written > FOLDER/file
           ```
           Changes: there is a file.
           Expected: nothing is printed.
        3. Think about it.
        """;

    private bool Written => File.Exists(Path.Combine(_folder, "file"));

    [Fact]
    public async Task What_reads_is_run_and_what_changes_something_is_not_where_nobody_is_asked()
    {
        var (outcome, evidence) = await WalkAsync(TwoSteps);
        outcome.ShouldBe(RunbookRun.Done);
        evidence.Select(e => (e.Step, e.Outcome, e.ExitCode)).ShouldBe([("1", "done", 0), ("2", "skipped", null), ("3", "skipped", null)]);
        evidence[0].Output.ShouldBe("looked\n");
        evidence[1].Note.ShouldContain("--yes 2");
        Written.ShouldBeFalse();
        Said.IndexOf("$ echo looked", StringComparison.Ordinal).ShouldBeLessThan(Said.IndexOf("| looked", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("y", RunbookRun.Done, true, "done")]
    [InlineData("Yes", RunbookRun.Done, true, "done")]
    [InlineData("s", RunbookRun.Done, false, "skipped")]
    [InlineData("n", RunbookRun.Stopped, false, "skipped")]
    [InlineData("", RunbookRun.Stopped, false, "skipped")]
    public async Task What_changes_something_is_asked_for_and_no_is_what_is_meant_by_default(string answer, string outcome, bool written, string step)
    {
        var walk = await WalkAsync(TwoSteps, _ => answer);
        (walk.Outcome, Written).ShouldBe((outcome, written));
        walk.Evidence[1].Outcome.ShouldBe(step);
        _asked[0].ShouldContain("Step 2 changes something");
        walk.Evidence.Count.ShouldBe(outcome == RunbookRun.Stopped ? 2 : 3);
    }

    [Fact]
    public async Task A_yes_is_for_the_step_that_it_names()
    {
        (await WalkAsync(TwoSteps, yes: ["2"])).Evidence[1].ExitCode.ShouldBe(0);
        Written.ShouldBeTrue();
        var wrong = await Should.ThrowAsync<RagException>(() => WalkAsync(TwoSteps, yes: ["1"]));
        wrong.Remedy.ShouldContain("2");
    }

    [Fact]
    public async Task A_look_that_fails_goes_on_and_a_change_that_fails_stops()
    {
        const string Steps = """
            1. Look.
               ```sh
               echo bad >&2; exit 3
               ```
            2. Change.
               ```sh
               exit 4
               ```
               Changes: something.
            3. Change more.
               ```sh
               echo written > FOLDER/file
               ```
               Changes: something.
            """;
        var (outcome, evidence) = await WalkAsync(Steps, yes: ["2", "3"]);
        outcome.ShouldBe(RunbookRun.Stopped);
        evidence.Select(e => (e.Step, e.Outcome, e.ExitCode)).ShouldBe([("1", "failed", 3), ("2", "failed", 4)]);
        evidence[0].Output.ShouldBe("bad\n");
        Written.ShouldBeFalse();
    }

    [Fact]
    public async Task Values_are_put_in_or_asked_for_and_cannot_be_commands()
    {
        const string Steps = """
            1. Greet `NAME`.
               ```sh
               echo hello NAME
               ```
            """;
        (await WalkAsync(Steps, values: new() { ["NAME"] = "world" })).Evidence[0].Output.ShouldBe("hello world\n");
        (await WalkAsync(Steps, _ => "you")).Evidence[0].Output.ShouldBe("hello you\n");
        var none = await WalkAsync(Steps);
        (none.Evidence[0].Outcome, none.Evidence[0].Note).ShouldBe(("skipped", "It needs a value: --value NAME=…."));
        (await Should.ThrowAsync<RagException>(() => WalkAsync(Steps, values: new() { ["NAME"] = "x; rm y" }))).Message.ShouldContain("shell");
        (await WalkAsync(Steps, _ => "$(id)")).Evidence[0].Outcome.ShouldBe("skipped");
        (await Should.ThrowAsync<RagException>(() => WalkAsync(Steps, values: new() { ["OTHER"] = "x" }))).Message.ShouldContain("OTHER");
    }

    [Fact]
    public async Task Programs_that_are_not_here_and_servers_are_shown_and_left_out()
    {
        const string Steps = """
            1. Elsewhere.
               ```sh
               echo a | no-such-program-here b
               ```
            2. Serve.
               ```sh
               ./rag serve --set A:B=c
               ```
            """;
        var (outcome, evidence) = await WalkAsync(Steps, yes: []);
        outcome.ShouldBe(RunbookRun.Done);
        evidence.Select(e => e.Note).ShouldBe(["no-such-program-here is not here.", "A server does not end: start it in a terminal of its own, or as its supervisor does."]);
        Said.ShouldContain("$ echo a | no-such-program-here b");
    }

    [Fact]
    public async Task The_server_is_the_one_that_was_named_but_not_inside_a_pod()
    {
        var section = RunbookParser.Parse("## S\n\n1. A.\n   ```sh\n   echo http://127.0.0.1:8080/readyz\n   ```\n   Expected: x.\n   ```sh\n   kubectl exec pod -- rag status --server http://127.0.0.1:8080\n   ```").Single();
        var (_, evidence) = await RunAsync(section, new("http://127.0.0.1:9999/", new HashSet<string>(), new Dictionary<string, string>(), "tester"), null);
        evidence[0].Output.ShouldBe("http://127.0.0.1:9999/readyz\n");
        evidence[1].Command.ShouldContain("--server http://127.0.0.1:8080");
    }

    [Fact]
    public async Task A_program_that_does_not_end_is_ended_and_much_output_is_kept_in_part()
    {
        var result = await ProgramRun.RunAsync(["/bin/sh", "-c", "echo begun; sleep 60"], TimeSpan.FromSeconds(1), null, TestContext.Current.CancellationToken);
        result.ExitCode.ShouldBeNull();
        result.Output.ShouldStartWith("begun\n");
        var much = await ProgramRun.RunAsync(["/bin/sh", "-c", "seq 1 100000"], TimeSpan.FromSeconds(30), null, TestContext.Current.CancellationToken);
        much.Output.Length.ShouldBeLessThan(100_000);
        RunbookRecord.Tail(much.Output).ShouldEndWith("100000\n");
        RunbookRecord.Tail(much.Output).Length.ShouldBeLessThan(RunbookRecord.MaxOutputChars + 100);
        (await ProgramRun.RunAsync(["/no/such/program"], TimeSpan.FromSeconds(1), null, TestContext.Current.CancellationToken)).ExitCode.ShouldBe(127);
    }

    [Fact]
    public void Evidence_is_markdown_whatever_was_printed()
    {
        var at = new FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero)).GetUtcNow();
        var run = new RunbookRun("id", "memory-leaks", "Memory leaks", "abc", "0.1.0", at, "tester", at.AddMinutes(1), "done", [new("s", "1", "echo x", "done", 0, "```\nbroken out\n```\n", "noted", at, at.AddSeconds(1.5), "tester")]);
        string markdown = RunbookEvidence.Markdown(run);
        markdown.ShouldContain("## Step 1: done");
        markdown.ShouldContain("2026-03-01 12:00:00 UTC, 1.5 s, tester, exit code 0.");
        var blocks = Markdig.Markdown.Parse(markdown).OfType<Markdig.Syntax.FencedCodeBlock>().Select(b => b.Lines.ToString()).ToList();
        blocks.ShouldBe(["echo x", "```\nbroken out\n```"]);
    }
}
