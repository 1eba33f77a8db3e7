using System.CommandLine;
using System.Globalization;
using Rag.Foundation;
using Rag.Foundation.Commands;
using Spectre.Console;

namespace Rag.Slo;

internal static class SloCommands
{
    public static void AddSlo(this RootCommand root, CommandContext context)
    {
        var slo = new Command("slo", "Objectives, error budgets left, burn rates.");
        context.Bind(slo, async (parse, api, ct) =>
        {
            var status = await api.GetAsync("/admin/v1/slo", SloJson.Default.SloStatus, ct);
            if (!context.TryJson(parse, status, SloJson.Default.SloStatus)) Print(context.Out, status);
            return 0;
        });
        var folder = new Argument<DirectoryInfo>("DIR") { Description = "Folder to write to; files of the same names are replaced." };
        var alertsTo = new Option<string?>("--alerts-to") { Description = "Address at which Alertmanager reaches the product (default: http://127.0.0.1:8080)." };
        var export = new Command("export", "Write rules for Prometheus, a configuration for Alertmanager and dashboards for Grafana, made from the objectives.") { folder, alertsTo };
        context.Bind(export, async (parse, api, ct) =>
        {
            string query = parse.GetValue(alertsTo) is { } address ? $"?alertsTo={Uri.EscapeDataString(address)}" : "";
            var files = await api.GetAsync($"/admin/v1/monitoring{query}", SloJson.Default.MonitoringFiles, ct);
            string root = parse.GetValue(folder)!.FullName;
            await WriteAsync(root, files, ct);
            if (!context.TryJson(parse, files, SloJson.Default.MonitoringFiles))
                foreach (var file in files.Files) context.Out.WriteLine(Path.Combine(root, file.Path));
            return 0;
        });
        slo.Add(export);
        root.Add(slo);
        var checklist = new Command("checklist", "The runbook's optimization checklist and scaling guidelines, each line measured.");
        context.Bind(checklist, async (parse, api, ct) =>
        {
            var report = await api.GetAsync("/admin/v1/checklist", SloJson.Default.ChecklistReport, ct);
            if (!context.TryJson(parse, report, SloJson.Default.ChecklistReport)) Print(context.Out, report);
            return report.Passes ? 0 : 1;
        });
        root.Add(checklist);
    }

    private static async Task WriteAsync(string root, MonitoringFiles files, CancellationToken ct)
    {
        try
        {
            foreach (var file in files.Files)
            {
                // Whatever the server says, nothing is written elsewhere.
                string path = Path.GetFullPath(Path.Combine(root, file.Path));
                if (!path.StartsWith(root.TrimEnd('/') + "/", StringComparison.Ordinal)) throw new RagException(ErrorKind.Invalid, $"The server names a file outside the folder: {file.Path}.", "Check the address of the server.");
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                await File.WriteAllTextAsync(path, file.Content, ct);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RagException(ErrorKind.Invalid, $"{root} cannot be written: {e.Message}", "Name a folder that you may write to.");
        }
    }

    private static void Print(IAnsiConsole console, SloStatus status)
    {
        foreach (var o in status.Objectives)
        {
            string colour = o.Holds switch { true => "green", false => "red", null => "grey" };
            string attained = o.Attained is { } share ? SloReport.Percent(share, o.Target) : "no events yet";
            string left = o.BudgetLeft is { } budget ? $"{budget.ToString("P1", CultureInfo.InvariantCulture)} of the budget left" : "";
            console.MarkupLine($"{Markup.Escape($"{o.Title} {o.Promise}"),-24} [{colour}]{attained,-11}[/] {left}");
            if (o.Total == 0) continue;
            string rates = string.Join("  ", SloReport.Windows.Select(w => $"{w.Name} {(o.BurnRates.GetValueOrDefault(w.Name) is { } rate ? rate.ToString("F2", CultureInfo.InvariantCulture) : "–")}"));
            console.MarkupLineInterpolated($"  {o.Total.ToString("N0", CultureInfo.InvariantCulture)} events; burn rate {rates}");
        }
        string since = status.Since is { } first ? $", measured since {first.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)} UTC" : "";
        console.MarkupLineInterpolated($"Over {status.WindowDays} days, all replicas together{since}. A burn rate of 1 uses the budget up in exactly {status.WindowDays} days.");
    }

    private static void Print(IAnsiConsole console, ChecklistReport report)
    {
        foreach (var group in report.Lines.GroupBy(l => l.Group))
        {
            console.MarkupLineInterpolated($"[bold]{group.Key}[/]");
            foreach (var line in group)
            {
                string mark = line.Result switch { Checklist.Pass => "[green]pass   [/]", Checklist.Fail => "[red]FAIL   [/]", Checklist.Unknown => "[yellow]unknown[/]", _ => "[grey]–      [/]" };
                console.MarkupLine($"  {mark} {Markup.Escape(line.Line)}: {Markup.Escape(line.Measured)}");
                if (line.Result != Checklist.Pass) console.MarkupLineInterpolated($"          {line.Reason} {line.Next}");
            }
        }
    }
}
