using System.CommandLine;
using System.Globalization;
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
