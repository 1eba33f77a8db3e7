using System.CommandLine;
using Rag.Foundation.Commands;
using Spectre.Console;

namespace Rag.Maintenance.Schedules;

internal static class ScheduleCommands
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(300);

    public static void AddSchedules(this RootCommand root, CommandContext context)
    {
        var list = new Command("list", "Schedules: when they run next, and how they ran last.");
        context.Bind(list, async (parse, api, ct) =>
        {
            var schedules = await api.GetAsync("/admin/v1/schedules", ScheduleJson.Default.ScheduleList, ct);
            if (context.TryJson(parse, schedules, ScheduleJson.Default.ScheduleList)) return 0;
            var table = new Table().Border(TableBorder.Simple).AddColumn("Schedule").AddColumn("When (UTC)").AddColumn("Next").AddColumn("Last").AddColumn("What it did");
            foreach (var s in schedules.Schedules)
                table.AddRow(Markup.Escape(s.Name), Markup.Escape(s.Cron), s.Next is { } next ? $"{next:yyyy-MM-dd HH:mm}" : "–", s.Last is { } last ? $"{last.Outcome ?? (last.StartedAt is null ? "waits" : "runs")} {last.EndedAt ?? last.AskedAt:yyyy-MM-dd HH:mm}" : "never", Markup.Escape(s.Last?.Detail ?? ""));
            context.Out.Write(table);
            return 0;
        });
        var name = new Argument<string>("name");
        var run = new Command("run", "Run a schedule now, and wait for its end.") { name };
        context.Bind(run, async (parse, api, ct) => await RunAsync(context, parse, api, parse.GetValue(name)!, ct));
        root.Add(new Command("schedules", "What the service does by itself at set times.") { list, run });
    }

    /// <summary>Runs a schedule now and waits for its end.</summary>
    public static async Task<int> RunAsync(CommandContext context, ParseResult parse, ApiClient api, string schedule, CancellationToken ct)
    {
        var run = await api.PostAsync($"/admin/v1/schedules/{Uri.EscapeDataString(schedule)}/runs", ScheduleJson.Default.ScheduleRunView, ct);
        while (run.EndedAt is null)
        {
            await Task.Delay(Poll, ct);
            run = await api.GetAsync($"/admin/v1/schedules/runs/{run.Id}", ScheduleJson.Default.ScheduleRunView, ct);
        }
        if (!context.TryJson(parse, run, ScheduleJson.Default.ScheduleRunView)) context.Out.MarkupLineInterpolated($"{run.Schedule}: {run.Outcome}. {run.Detail}");
        return run.Outcome == ScheduleRunView.Done ? 0 : 1;
    }
}
