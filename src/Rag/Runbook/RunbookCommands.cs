using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Rag.Foundation;
using Rag.Foundation.Commands;
using Spectre.Console;

namespace Rag.Runbook;

/// <summary>
/// <c>rag runbook</c>. The text is inside the executable, so that it can be read and walked while no server runs; only the
/// evidence needs one.
/// </summary>
internal static class RunbookCommands
{
    public static void AddRunbook(this RootCommand root, CommandContext context)
    {
        var name = new Argument<string?>("section") { Description = "A section by its name or the beginning of it; without, all are listed.", Arity = ArgumentArity.ZeroOrOne };
        var run = new Option<bool>("--run") { Description = "Walk the section: run what reads, ask before what changes something, record it all as evidence." };
        var yes = new Option<string[]>("--yes") { Description = "Run this step although it changes something, without asking, such as 4 or 2b; may be repeated.", Arity = ArgumentArity.OneOrMore };
        var values = new Option<string[]>("--value") { Description = "A value for a word in capital letters in a command, as NAME=value; may be repeated.", Arity = ArgumentArity.OneOrMore };
        var runbook = new Command("runbook", "The runbook of this release: its sections, one of them, or a walk through it.") { name, run, yes, values };
        context.BindAlone(runbook, async (parse, ct) =>
        {
            var text = new RunbookText();
            if (parse.GetValue(name) is not { } wanted)
            {
                if (parse.GetValue(run)) throw new RagException(ErrorKind.Invalid, "No section is named to be walked.", "Write 'rag runbook SECTION --run'.");
                var list = new SectionList(text.Digest, [.. text.Sections.Select(RunbookEndpoints.Summary)]);
                if (!context.TryJson(parse, list, RunbookJson.Default.SectionList)) List(list);
                return 0;
            }
            var section = text.Find(wanted);
            if (!parse.GetValue(run))
            {
                if (!context.TryJson(parse, section, RunbookJson.Default.RunbookSection)) Print(text, section);
                return 0;
            }
            if (section.Steps.Count == 0) throw new RagException(ErrorKind.Invalid, $"The section '{section.Slug}' has no steps.", text.Below(section).Where(s => s.Steps.Count > 0).Select(s => s.Slug).ToList() is { Count: > 0 } below ? $"Walk one of: {string.Join(", ", below)}." : "Read it with 'rag runbook " + section.Slug + "'.");
            var options = new WalkOptions(parse.GetValue(context.Server), (parse.GetValue(yes) ?? []).ToHashSet(), Values(parse.GetValue(values) ?? []), By());
            return await WalkAsync(context, parse, text, section, options, ct);
        });
        runbook.Add(RunsCommand(context));
        root.Add(runbook);
    }

    private static Command RunsCommand(CommandContext context)
    {
        var id = new Argument<string>("id");
        var show = new Command("show", "One run with its evidence, as Markdown.") { id };
        context.Bind(show, async (parse, api, ct) =>
        {
            var run = await api.GetAsync($"/admin/v1/runbook/runs/{Uri.EscapeDataString(parse.GetValue(id)!)}", RunbookJson.Default.RunbookRun, ct);
            if (!context.TryJson(parse, run, RunbookJson.Default.RunbookRun)) Console.Out.Write(RunbookEvidence.Markdown(run));
            return 0;
        });
        var runs = new Command("runs", "Walks through the runbook that were recorded, newest first.") { show };
        context.Bind(runs, async (parse, api, ct) =>
        {
            var list = await api.GetAsync("/admin/v1/runbook/runs", RunbookJson.Default.RunList, ct);
            if (context.TryJson(parse, list, RunbookJson.Default.RunList)) return 0;
            foreach (var r in list.Runs)
                Console.Out.WriteLine($"{r.Id}  {r.StartedAt.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)}  {r.Outcome ?? "goes on",-8}  {r.Section}  {r.Steps} results, {r.FailedSteps} failed, by {r.By}");
            if (list.Runs.Count == 0) context.Out.WriteLine("No run was recorded yet.");
            return 0;
        });
        return runs;
    }

    private static async Task<int> WalkAsync(CommandContext context, ParseResult parse, RunbookText text, RunbookSection section, WalkOptions options, CancellationToken ct)
    {
        var time = TimeProvider.System;
        bool json = parse.GetValue(context.Json);
        Action<string> say = json ? Console.Error.WriteLine : Console.Out.WriteLine;
        using var http = new HttpClient { BaseAddress = new(Address(options.Server)), Timeout = TimeSpan.FromSeconds(15) };
        ServerKey.Show(http, parse.GetValue(context.Key));
        // The commands of the steps show the same key; nobody else sees the environment of this process.
        if (ServerKey.Read(parse.GetValue(context.Key)) is { } key) Environment.SetEnvironmentVariable(ServerKey.Variable, key);
        var recorder = new RunRecorder(new ApiClient(http));
        var run = await recorder.StartAsync(section, options.By, ct) ?? new RunbookRun(Ids.New(time), section.Slug, section.Title, text.Digest, RunbookRecord.Version, time.GetUtcNow(), options.By, null, null, []);
        say($"{section.Title}: {(recorder.Trouble is null ? $"run {run.Id}" : $"this run cannot be recorded now ({recorder.Trouble}); keep what is printed at the end")}");
        var walk = new RunbookWalk(section, options, time, say, Console.IsInputRedirected ? null : Ask, recorder.AddAsync);
        string outcome = RunbookRun.Stopped;
        try
        {
            outcome = await walk.RunAsync(ct);
        }
        finally
        {
            await recorder.EndAsync(outcome, CancellationToken.None);
            run = run with { EndedAt = time.GetUtcNow(), Outcome = outcome, Steps = walk.Evidence };
            if (json) Console.Out.WriteLine(JsonSerializer.Serialize(run, RunbookJson.Default.RunbookRun));
            else Console.Out.Write($"\n{RunbookEvidence.Markdown(run)}");
            if (recorder.Trouble is { } trouble) context.Remarks.WriteLine($"This run is not whole in the record: {trouble} Keep what was printed.");
        }
        return outcome == RunbookRun.Done ? 0 : 1;
    }

    private static string? Ask(string question)
    {
        Console.Error.Write(question);
        return Console.In.ReadLine() ?? "";
    }

    private static void List(SectionList list)
    {
        foreach (var s in list.Sections)
        {
            string steps = s.Steps == 0 ? "" : $"  ({s.Steps} steps, {s.Commands} commands{(s.ChangingCommands > 0 ? $", {s.ChangingCommands} of them change something" : "")})";
            Console.Out.WriteLine(s.Level == 2 ? $"{s.Slug}{steps}" : $"  {s.Slug}{steps}");
        }
        Console.Out.WriteLine();
        Console.Out.WriteLine("'rag runbook SECTION' prints one; 'rag runbook SECTION --run' walks it.");
    }

    private static void Print(RunbookText text, RunbookSection section)
    {
        Console.Out.WriteLine(section.Markdown);
        foreach (var below in text.Below(section)) Console.Out.WriteLine($"\n{below.Markdown}");
    }

    private static Dictionary<string, string> Values(string[] given)
    {
        var values = new Dictionary<string, string>();
        foreach (string pair in given)
        {
            int at = pair.IndexOf('=', StringComparison.Ordinal);
            if (at <= 0) throw new RagException(ErrorKind.Invalid, $"'{pair}' is not a value.", "Write --value NAME=value.");
            values[pair[..at]] = pair[(at + 1)..];
        }
        return values;
    }

    private static string Address(string? server) => server is null ? ProductCommands.WrittenServer
        : Uri.TryCreate(server, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" ? server
        : throw new RagException(ErrorKind.Invalid, $"'{server}' is not the address of a server.", "Write it as http://127.0.0.1:8080.");

    private static string By() => $"{Environment.UserName} at {Environment.MachineName}";
}
