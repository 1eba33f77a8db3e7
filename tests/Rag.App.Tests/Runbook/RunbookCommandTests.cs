using System.CommandLine;
using System.Text.RegularExpressions;
using Rag.App.Tests.Degradation;
using Rag.Runbook;
using Rag.Testing;

namespace Rag.App.Tests.Runbook;

/// <summary>
/// Every command of the runbook is one that can be run: those of the product that read are run against a real server, its
/// others are parsed by the real command line, and those of other programs are checked against what is known of them.
/// </summary>
public sealed class RunbookCommandTests : IDisposable
{
    private readonly string _data = Directory.CreateTempSubdirectory("rag-runbook-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Each program that the runbook uses, with the subcommands or options that it may have there; a star stands for any operand.</summary>
    private static readonly Dictionary<string, string[]> Known = new()
    {
        ["curl"] = ["-sS", "*"],
        ["grep"] = ["-E", "*"],
        ["ps"] = ["-eo", "--sort=*", "*"],
        ["df"] = ["-h"],
        ["ls"] = ["-ld", "*"],
        ["rm"] = ["-r", "*"],
        ["mv"] = ["*"],
        ["cp"] = ["-r", "*"],
        ["mkdir"] = ["-p", "*"],
        ["kill"] = ["-TERM", "*"],
        ["systemctl"] = ["restart", "*"],
        ["kubectl"] = ["get", "top", "logs", "scale", "patch", "describe", "delete", "exec", "set", "rollout", "--since=*", "--replicas=*", "--patch", "--sort-by=*", "--timeout=*", "--", "*"],
        ["sqlite3"] = ["*"],
        ["psql"] = ["--dbname=*", "--command=*"],
        ["pg_dump"] = ["--format=*", "--file=*", "--dbname=*"],
        ["pg_restore"] = ["--dbname=*", "*"],
        ["pg_isready"] = ["-h", "-p", "*"],
        ["openssl"] = ["x509", "s_client", "-enddate", "-noout", "-in", "-connect", "*"],
        ["dotnet"] = ["list", "package", "--vulnerable", "--include-transitive"],
        ["./test"] = [],
        ["./verify"] = ["--quick", "main-job"],
        ["deploy/local/rolling-restart"] = [],
    };

    /// <summary>What stands for a value of the reader's own, and a value that the syntax takes.</summary>
    private static readonly Dictionary<string, string> Values = new() { ["REPLICAS"] = "4", ["PID"] = "4000000", ["WINDOW"] = "01980000-0000-7000-8000-000000000000" };

    public static TheoryData<string> Sections => [.. new RunbookText().Sections.Where(s => s.Commands.Any()).Select(s => s.Slug)];

    public void Dispose() => Directory.Delete(_data, recursive: true);

    [Theory]
    [MemberData(nameof(Sections))]
    public void Every_command_can_be_run_as_it_is_written(string slug)
    {
        foreach (var command in new RunbookText().Find(slug).Commands)
            foreach (var words in ShellText.Commands(Filled(command)))
                Check(words, $"{slug} {command.Id}: {string.Join(' ', words)}");
    }

    [Fact]
    public void The_check_sees_what_cannot_be_run()
    {
        foreach (string wrong in (string[])["./rag cache pong", "./rag index rebuild --all", "kubectl scael deployment rag-system", "no-such-program x", "kubectl exec deploy/rag-system -- rag cache pong", "curl --no-such-option x", "psql --comand=x"])
            Should.Throw<ShouldAssertException>(() => Check(ShellText.Commands(wrong).Single(), wrong), wrong);
    }

    [Fact]
    public void What_changes_something_says_so()
    {
        string[] reading = ["curl", "grep", "ps", "df", "ls", "openssl", "pg_isready", "dotnet", "./test", "./verify"];
        string[] readingKubectl = ["get", "top", "logs", "describe"];
        foreach (var section in new RunbookText().Sections)
            foreach (var command in section.Commands)
            {
                bool reads = ShellText.Commands(command.Text).All(words => words[0] switch
                {
                    "./rag" => ProductCommands.Arguments(string.Join(' ', words.Select(w => $"'{w}'"))) is not null || words.Skip(1).SequenceEqual(["config", "show"]) || words.Skip(1).Take(2).SequenceEqual(["deploy", "watch"])
                        // They read, and are for auditors: the server does not run them for whoever walks the runbook.
                        || (words[1] == "audit" && words[2] is "list" or "verify" or "segments"),
                    "kubectl" => readingKubectl.Contains(words[1]) || (words[1] == "exec" && ProductCommands.Arguments(string.Join(' ', words.SkipWhile(w => w != "--").Skip(1))) is not null),
                    "sqlite3" => words[^1].StartsWith("PRAGMA integrity_check", StringComparison.Ordinal),
                    "psql" => words[^1].StartsWith("--command=SELECT ", StringComparison.Ordinal),
                    var program => reading.Contains(program),
                });
                command.ReadOnly.ShouldBe(reads, $"{section.Slug} {command.Id}: {command.Text}");
            }
    }

    [Fact]
    public async Task What_reads_and_needs_nothing_but_the_product_is_run_and_ends_as_expected()
    {
        await using var replica = await Replica.StartAsync(_data);
        await replica.PutAsync("leave.md", "# Leave\n\nParental leave is fourteen weeks long.");
        await replica.AskAsync("How long is parental leave?");
        string server = replica.Http.BaseAddress!.ToString().TrimEnd('/');
        var commands = new RunbookText().Sections.SelectMany(s => s.Commands.Select(c => (s.Slug, Command: c)))
            .Where(c => c.Command.ReadOnly && c.Command.Placeholders.Count == 0 && ShellText.Programs(c.Command.Text).All(p => p is "rag" or "curl" or "grep" or "df" or "ps"))
            .DistinctBy(c => c.Command.Text).ToList();
        commands.Count.ShouldBeGreaterThan(15);
        foreach (var (slug, command) in commands)
        {
            // Half an hour is for people.
            var section = new RunbookText().Find(slug);
            var one = command with { Text = command.Text.Replace("--for 30m", "--for 5s", StringComparison.Ordinal) };
            var walk = new RunbookWalk(section with { Steps = [new("1", "x", [one])] }, new(server, new HashSet<string>(), new Dictionary<string, string>(), "test"), TimeProvider.System, _ => { }, null, (_, _) => Task.CompletedTask);
            await walk.RunAsync(Cancel);
            var evidence = walk.Evidence.Single();
            // Some say that a guideline does not hold here; none is misused, and none is missing.
            evidence.ExitCode.ShouldNotBeNull($"{slug}: {command.Text}: {evidence.Note}");
            if (command.Text.Contains("backup off-site", StringComparison.Ordinal))
            {
                // There is no place off-site here, which is what it says.
                (evidence.ExitCode, evidence.Output.Contains("No place off-site is configured.", StringComparison.Ordinal)).ShouldBe((1, true), evidence.Output);
                continue;
            }
            // The doctor may find the machine busy, which it is while tests run.
            if (!command.Text.Contains("checklist", StringComparison.Ordinal) && !command.Text.Contains("doctor", StringComparison.Ordinal)) evidence.ExitCode.ShouldBe(0, $"{slug}: {command.Text}\n{evidence.Output}");
            evidence.Output.ShouldNotBeEmpty(command.Text);
        }
    }

    private static string Filled(RunbookCommand command) => command.Placeholders.Aggregate(command.Text, (text, name) => Regex.Replace(text, $@"\b{name}\b", Values.GetValueOrDefault(name, "name")));

    private static void Check(IReadOnlyList<string> words, string where)
    {
        if (words[0] is "./rag" or "rag")
        {
            var parsed = CommandLine.Build().Parse([.. words.Skip(1)]);
            parsed.Errors.Select(e => e.Message).ShouldBeEmpty(where);
            return;
        }
        Known.ShouldContainKey(words[0], where);
        var known = Known[words[0]];
        var operands = words.Skip(1).TakeWhile(w => w != "--").ToList();
        // What stands in front of everything else is a subcommand where the program has some.
        bool subcommands = words[0] is "kubectl" or "openssl" or "dotnet" or "systemctl";
        if (subcommands) known.ShouldContain(operands[0], where);
        foreach (string word in operands)
        {
            bool option = word.StartsWith('-');
            known.Any(k => k == word || (k == "*" && !option) || (k.EndsWith("=*", StringComparison.Ordinal) && word.StartsWith(k[..^1], StringComparison.Ordinal))).ShouldBeTrue($"{where}: {word}");
        }
        if (words[0] == "kubectl" && words.Contains("--")) Check([.. words.SkipWhile(w => w != "--").Skip(1)], where);
    }
}
