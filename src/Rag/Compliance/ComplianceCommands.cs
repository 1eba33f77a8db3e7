using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Rag.Foundation;
using Rag.Foundation.Commands;
using Spectre.Console;

namespace Rag.Compliance;

internal static class ComplianceCommands
{
    public static void AddCompliance(this RootCommand root, CommandContext context)
    {
        var access = root.Subcommands.First(c => c.Name == "access");
        access.Add(AccessReview(context));
        root.Add(new Command("reviews", "The reviews that are due at regular times.") { List(context), Show(context), Done(context) });
        root.Add(new Command("report", "Reports for auditors.") { Compliance(context), Reports(context) });
    }

    private static Command AccessReview(CommandContext context)
    {
        var done = new Option<bool>("--done") { Description = "Write down that the review was done, with what is shown." };
        var notes = new Option<string?>("--notes") { Description = "What was decided about what needs attention." };
        var command = new Command("review", "Who can do what, unused keys, administrators.") { done, notes };
        context.Bind(command, async (parse, api, ct) =>
        {
            var report = await api.GetAsync("/admin/v1/access/review", ComplianceJson.Default.AccessReport, ct);
            if (!context.TryJson(parse, report, ComplianceJson.Default.AccessReport)) Print(context.Out, report);
            if (parse.GetValue(done)) await DoneAsync(context, parse, api, "access", parse.GetValue(notes), ct);
            return 0;
        });
        return command;
    }

    private static Command List(CommandContext context)
    {
        var command = new Command("list", "Each review, when it is due, and the last one done; exit code 1 where one is overdue.");
        context.Bind(command, async (parse, api, ct) =>
        {
            var list = await api.GetAsync("/admin/v1/reviews", ComplianceJson.Default.ReviewList, ct);
            int code = list.Reviews.Any(r => r.Overdue) ? 1 : 0;
            if (context.TryJson(parse, list, ComplianceJson.Default.ReviewList)) return code;
            var table = new Table().Border(TableBorder.None).AddColumns("Review", "Due", "Every", "Last done", "By", "Found");
            foreach (var r in list.Reviews)
                table.AddRow(r.Name, r.Overdue ? $"[red]{Day(r.DueAt)} overdue[/]" : Day(r.DueAt), string.Create(CultureInfo.InvariantCulture, $"{r.Days:0.##} days"),
                    r.Last is null ? "never" : Day(r.Last.DoneAt), Markup.Escape(r.Last?.DoneBy ?? ""), Markup.Escape(r.Last?.Summary ?? ""));
            context.Out.Write(table);
            return code;
        });
        return command;
    }

    private static Command Show(CommandContext context)
    {
        var name = new Argument<string>("review") { Description = $"One of {string.Join(", ", ReviewKind.All.Select(k => k.Name))}." };
        var command = new Command("show", "What a review looks at, as it stands now.") { name };
        context.Bind(command, async (parse, api, ct) =>
        {
            var evidence = await api.GetAsync($"/admin/v1/reviews/{Uri.EscapeDataString(parse.GetValue(name)!)}", ComplianceJson.Default.ReviewEvidence, ct);
            if (!context.TryJson(parse, evidence, ComplianceJson.Default.ReviewEvidence)) Print(context.Out, evidence);
            return 0;
        });
        return command;
    }

    private static Command Done(CommandContext context)
    {
        var name = new Argument<string>("review") { Description = $"One of {string.Join(", ", ReviewKind.All.Select(k => k.Name))}." };
        var notes = new Option<string?>("--notes") { Description = "What was decided about what needs attention." };
        var command = new Command("done", "Write down that a review was done, with what there was to see.") { name, notes };
        context.Bind(command, (parse, api, ct) => DoneAsync(context, parse, api, parse.GetValue(name)!, parse.GetValue(notes), ct));
        return command;
    }

    private static Command Compliance(CommandContext context)
    {
        var month = new Option<string?>("--month") { Description = "The month, as 2026-10 (default: the one before this)." };
        var format = new Option<string>("--format") { Description = $"{string.Join(", ", ReportFormat.All)} (default: html).", DefaultValueFactory = _ => ReportFormat.Html };
        format.AcceptOnlyFromAmong([.. ReportFormat.All]);
        var output = new Option<string?>("--output") { Description = "File to write; without it a summary is printed, or the whole report with --json." };
        var command = new Command("compliance", "Make the report of a month: each requirement, how it stands, and what shows it.") { month, format, output };
        context.Bind(command, async (parse, api, ct) =>
        {
            var report = await api.PostAsync("/admin/v1/reports", new MakeReport(parse.GetValue(month)), ComplianceJson.Default.MakeReport, ComplianceJson.Default.ComplianceReport, ct);
            if (parse.GetValue(output) is { } file)
            {
                await WriteAsync(file, Render(report, parse.GetValue(format)!), ct);
                context.Remarks.MarkupLineInterpolated($"Report {report.Id} is in {file}.");
                return 0;
            }
            if (!context.TryJson(parse, report, ComplianceJson.Default.ComplianceReport)) Print(context.Out, report);
            return 0;
        });
        return command;
    }

    private static Command Reports(CommandContext context)
    {
        var command = new Command("list", "Reports that were made, newest first.");
        context.Bind(command, async (parse, api, ct) =>
        {
            var list = await api.GetAsync("/admin/v1/reports", ComplianceJson.Default.ReportList, ct);
            if (context.TryJson(parse, list, ComplianceJson.Default.ReportList)) return 0;
            foreach (var r in list.Reports) context.Out.MarkupLineInterpolated($"{r.Id}  {r.Month}  made {r.MadeAt:yyyy-MM-dd HH:mm} UTC  {(r.Complete ? "complete" : "month not over")}  sha256 {r.Sha256}");
            if (list.Reports.Count == 0) context.Out.WriteLine("No report was made yet; 'rag report compliance' makes one.");
            return 0;
        });
        return command;
    }

    private static async Task<int> DoneAsync(CommandContext context, ParseResult parse, ApiClient api, string name, string? notes, CancellationToken ct)
    {
        var done = await api.PostAsync($"/admin/v1/reviews/{Uri.EscapeDataString(name)}/done", new ReviewDone(notes), ComplianceJson.Default.ReviewDone, ComplianceJson.Default.DoneReview, ct);
        if (!context.TryJson(parse, done, ComplianceJson.Default.DoneReview))
            context.Out.MarkupLineInterpolated($"The review '{done.Name}' is written down as {done.Id}: {done.Summary} What was looked at has sha256 {done.EvidenceSha256}.");
        return 0;
    }

    private static string Render(ComplianceReport report, string format) => format switch
    {
        ReportFormat.Html => ReportHtml.Write(report),
        ReportFormat.Csv => ReportCsv.Write(report),
        _ => JsonSerializer.Serialize(report, ComplianceJson.Default.ComplianceReport),
    };

    private static async Task WriteAsync(string file, string text, CancellationToken ct)
    {
        try
        {
            await File.WriteAllTextAsync(file, text, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), ct);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RagException(ErrorKind.Invalid, $"{file} cannot be written: {e.Message}", "Name a file in a folder that you may write to.", e);
        }
    }

    private static void Print(IAnsiConsole console, ComplianceReport report)
    {
        console.MarkupLineInterpolated($"Compliance report {report.Month}{(report.Complete ? "" : " (the month is not over)")}: {ReportHtml.Words(report.State)}");
        var table = new Table().Border(TableBorder.None).AddColumns("Section", "State", "In a sentence");
        foreach (var s in report.Sections) table.AddRow(Markup.Escape(s.Title), $"[{Colour(s.State)}]{ReportHtml.Words(s.State)}[/]", Markup.Escape(s.Summary));
        console.Write(table);
        console.MarkupLineInterpolated($"Kept as {report.Id}; --output FILE writes it whole, with the evidence of each line.");
    }

    private static void Print(IAnsiConsole console, ReviewEvidence evidence)
    {
        console.MarkupLineInterpolated($"{evidence.Summary}");
        foreach (var f in evidence.Findings) console.MarkupLine($"  [{Colour(f.State)}]{ReportHtml.Words(f.State),-15}[/] {Markup.Escape(f.What)}: {Markup.Escape(f.Detail)}");
    }

    private static void Print(IAnsiConsole console, AccessReport report)
    {
        var table = new Table().Border(TableBorder.None).AddColumns("Who", "May", "Where", "Since", "Until", "Last used");
        foreach (var line in report.Lines) table.AddRow(Markup.Escape(line.Principal), line.Role, Markup.Escape(line.Where), Day(line.Since), line.Until is { } until ? Day(until) : "", line.LastUsed is { } used ? Day(used) : "");
        console.Write(table);
        Print(console, report.Review);
    }

    private static string Colour(string state) => state switch { ReviewState.InOrder => "green", ReviewState.Attention => "red", _ => "yellow" };

    private static string Day(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
}
