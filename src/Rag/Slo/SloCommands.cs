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
        var table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn("Objective").NoWrap());
        foreach (string name in (string[])["Attained", "Budget left"]) table.AddColumn(new TableColumn(name).RightAligned().NoWrap());
        foreach (var (window, _) in SloReport.Windows) table.AddColumn(new TableColumn(window).RightAligned().NoWrap());
        table.AddColumn(new TableColumn("Events").RightAligned().NoWrap());
        foreach (var o in status.Objectives)
        {
            string colour = o.Holds switch { true => "green", false => "red", null => "grey" };
            var cells = new List<string>
            {
                Markup.Escape($"{o.Title} {o.Promise}"), $"[{colour}]{(o.Attained is { } a ? SloReport.Percent(a, o.Target) : "no events")}[/]", o.BudgetLeft is { } left ? left.ToString("P1", CultureInfo.InvariantCulture) : "–",
            };
            cells.AddRange(SloReport.Windows.Select(w => o.BurnRates.GetValueOrDefault(w.Name) is { } rate ? rate.ToString("F2", CultureInfo.InvariantCulture) : "–"));
            cells.Add(o.Total.ToString("N0", CultureInfo.InvariantCulture));
            table.AddRow([.. cells]);
        }
        console.Write(table);
        string since = status.Since is { } first ? $", measured since {first.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)} UTC" : "";
        console.MarkupLineInterpolated($"Over {status.WindowDays} days, all replicas together{since}. The columns 1h to 3d are burn rates: a rate of 1 uses the budget up in exactly {status.WindowDays} days.");
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
