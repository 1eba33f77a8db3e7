using System.CommandLine;
using System.Globalization;
using Rag.Foundation;
using Rag.Foundation.Commands;
using Rag.Maintenance.Retention;
using Rag.Maintenance.Schedules;
using Spectre.Console;

namespace Rag.Maintenance;

internal static class MaintenanceCommands
{
    public static void AddMaintenance(this RootCommand root, CommandContext context)
    {
        root.Add(new Command("maintenance", "Announce work on the service, and keep writes out meanwhile.") { Windows(context), ReadOnly(context), Runs(context) });
        root.Subcommands.Single(c => c.Name == "database").Add(Maintain(context));
        root.AddSchedules(context);
        root.AddRetention(context);
    }

    private static Command Windows(CommandContext context)
    {
        var title = new Option<string>("--title") { Description = "What is done, in a few words.", Required = true };
        var start = new Option<string>("--start") { Description = "When it begins: 'now', or a time such as 2026-03-01T22:00Z (default: now).", DefaultValueFactory = _ => "now" };
        var length = new Option<string>("--for") { Description = "How long it lasts, such as 2h; 1m to 7d.", Required = true };
        var announce = new Command("announce", "Announce a window: a banner on every page, a header on every answer, a silence in Alertmanager.") { title, start, length };
        context.Bind(announce, async (parse, api, ct) =>
        {
            var wanted = new AnnounceWindow(parse.GetValue(title)!, Start(parse.GetValue(start)!), parse.GetValue(length)!, $"{Environment.UserName} at {Environment.MachineName}");
            var changed = await api.PostAsync("/admin/v1/maintenance/windows", wanted, MaintenanceJson.Default.AnnounceWindow, MaintenanceJson.Default.WindowChanged, ct);
            if (!context.TryJson(parse, changed, MaintenanceJson.Default.WindowChanged)) Print(context.Out, changed);
            return 0;
        });
        var list = new Command("list", "Windows, those that begin last first.");
        context.Bind(list, async (parse, api, ct) =>
        {
            var windows = await api.GetAsync("/admin/v1/maintenance/windows", MaintenanceJson.Default.WindowList, ct);
            if (context.TryJson(parse, windows, MaintenanceJson.Default.WindowList)) return 0;
            foreach (var w in windows.Windows) Print(context.Out, w);
            if (windows.Windows.Count == 0) context.Out.WriteLine("No window was announced yet.");
            return 0;
        });
        var id = new Argument<string>("id");
        var cancel = new Command("cancel", "Cancel a window that is to come, or end one that is open; its silence ends, too.") { id };
        context.Bind(cancel, async (parse, api, ct) =>
        {
            var changed = await api.DeleteAsync($"/admin/v1/maintenance/windows/{Uri.EscapeDataString(parse.GetValue(id)!)}", MaintenanceJson.Default.WindowChanged, ct);
            if (!context.TryJson(parse, changed, MaintenanceJson.Default.WindowChanged)) Print(context.Out, changed);
            return 0;
        });
        return new("window", "Maintenance windows.") { announce, list, cancel };
    }

    private static Command ReadOnly(CommandContext context)
    {
        const string path = "/admin/v1/maintenance/read-only";
        var reason = new Option<string>("--reason") { Description = "Why, in a few words; everybody who uses the service reads it.", Required = true };
        var length = new Option<string>("--for") { Description = "How long at most, such as 2h; 1m to 1d. It ends by itself then.", Required = true };
        var owner = new Option<string?>("--owner") { Description = "Who answers for it (default: whoever asks)." };
        var on = new Command("on", "Refuse writes to documents on every replica and in the database; questions are answered on.") { reason, length, owner };
        context.Bind(on, async (parse, api, ct) =>
        {
            var wanted = new TurnReadOnly(parse.GetValue(reason)!, parse.GetValue(length)!, parse.GetValue(owner));
            return Show(context, parse, await api.PostAsync(path, wanted, ReadOnlyJson.Default.TurnReadOnly, ReadOnlyJson.Default.ReadOnlyStatus, ct));
        });
        var off = new Command("off", "Take writes again.");
        context.Bind(off, async (parse, api, ct) => Show(context, parse, await api.DeleteAsync(path, ReadOnlyJson.Default.ReadOnlyStatus, ct)));
        var status = new Command("status", "Whether writes are refused, why, and until when.");
        context.Bind(status, async (parse, api, ct) => Show(context, parse, await api.GetAsync(path, ReadOnlyJson.Default.ReadOnlyStatus, ct)));
        return new("read-only", "Read-only mode of the whole service.") { on, off, status };
    }

    private static Command Runs(CommandContext context)
    {
        const string path = "/admin/v1/maintenance/runs";
        var list = new Command("list", "Runs, the newest first.");
        context.Bind(list, async (parse, api, ct) =>
        {
            var runs = await api.GetAsync(path, MaintenanceRunJson.Default.MaintenanceRunList, ct);
            if (context.TryJson(parse, runs, MaintenanceRunJson.Default.MaintenanceRunList)) return 0;
            foreach (var run in runs.Runs) context.Out.MarkupLineInterpolated($"{run.Id}  {run.Outcome ?? "running",-9}  {run.StartedAt:yyyy-MM-dd HH:mm} UTC  {run.Reason}");
            if (runs.Runs.Count == 0) context.Out.WriteLine("The database was not maintained yet.");
            return 0;
        });
        var id = new Argument<string>("id");
        var show = new Command("show", "One run with its steps.") { id };
        context.Bind(show, async (parse, api, ct) => Show(context, parse, await api.GetAsync($"{path}/{Uri.EscapeDataString(parse.GetValue(id)!)}", MaintenanceRunJson.Default.MaintenanceRun, ct)));
        var cancel = new Command("cancel", "Stop a run and undo it: writes are taken again.") { id };
        context.Bind(cancel, async (parse, api, ct) =>
        {
            var run = await api.DeleteAsync($"{path}/{Uri.EscapeDataString(parse.GetValue(id)!)}", MaintenanceRunJson.Default.MaintenanceRun, ct);
            return Show(context, parse, await WaitAsync(context, api, run, ct), expected: MaintenanceRun.Cancelled);
        });
        return new("run", "Runs of 'rag database maintain'.") { list, show, cancel };
    }

    private static Command Maintain(CommandContext context)
    {
        var reason = new Option<string>("--reason") { Description = "Why, in a few words (default: maintenance of the database).", DefaultValueFactory = _ => "maintenance of the database" };
        var length = new Option<string>("--for") { Description = "How long it may take, and writes stay out, at most; 1m to 1d (default: 2h).", DefaultValueFactory = _ => "2h" };
        var owner = new Option<string?>("--owner") { Description = "Who answers for it (default: whoever asks)." };
        var noBackup = new Option<bool>("--no-backup") { Description = "Make no backup first." };
        var maintain = new Command("maintain", "Read-only mode, backup, vacuum, indexes, statistics, verification, normal again; goes on after a crash.") { reason, length, owner, noBackup };
        context.Bind(maintain, async (parse, api, ct) =>
        {
            var wanted = new StartMaintenance(parse.GetValue(reason)!, parse.GetValue(length), parse.GetValue(owner), !parse.GetValue(noBackup));
            var run = await api.PostAsync("/admin/v1/maintenance/runs", wanted, MaintenanceRunJson.Default.StartMaintenance, MaintenanceRunJson.Default.MaintenanceRun, ct);
            return Show(context, parse, await WaitAsync(context, api, run, ct));
        });
        return maintain;
    }

    /// <summary>Waits for the end of a run, and says what it does.</summary>
    private static async Task<MaintenanceRun> WaitAsync(CommandContext context, ApiClient api, MaintenanceRun run, CancellationToken ct)
    {
        string? said = null;
        while (run.EndedAt is null)
        {
            string? now = run.Steps.LastOrDefault(s => s.EndedAt is null)?.Step;
            if (now is not null && now != said) context.Remarks.MarkupLineInterpolated($"[grey]{now} …[/]");
            said = now ?? said;
            await Task.Delay(TimeSpan.FromMilliseconds(300), ct);
            run = await api.GetAsync($"/admin/v1/maintenance/runs/{run.Id}", MaintenanceRunJson.Default.MaintenanceRun, ct);
        }
        return run;
    }

    private static int Show(CommandContext context, ParseResult parse, MaintenanceRun run, string expected = MaintenanceRun.Done)
    {
        int code = run.Outcome is null || run.Outcome == expected ? 0 : 1;
        if (context.TryJson(parse, run, MaintenanceRunJson.Default.MaintenanceRun)) return code;
        foreach (var s in run.Steps) context.Out.MarkupLineInterpolated($"{s.Step,-14}  {(s.EndedAt is { } ended ? $"{(ended - s.StartedAt).TotalSeconds,8:F1} s" : "not done"),10}  {s.Detail}");
        context.Out.MarkupLineInterpolated($"{run.Id}: {run.Outcome ?? "running"}{(run.Problem is null ? "" : $". {run.Problem}")}");
        return code;
    }

    private static int Show(CommandContext context, ParseResult parse, ReadOnlyStatus status)
    {
        if (context.TryJson(parse, status, ReadOnlyJson.Default.ReadOnlyStatus)) return 0;
        if (status.Period is { } p)
        {
            context.Out.MarkupLineInterpolated($"[yellow]read-only[/] since {p.Since:yyyy-MM-dd HH:mm}, until {p.Until:yyyy-MM-dd HH:mm} UTC at the latest: {p.Reason}");
            context.Out.MarkupLineInterpolated($"owner      {p.Owner}{(p.Run is null ? "" : $", maintenance run {p.Run}")}");
            context.Out.MarkupLineInterpolated($"refused by every replica{(status.Behind.Count == 0 ? "" : $" but {string.Join(", ", status.Behind)}, which did not answer in time")}, and by the database on {string.Join(", ", status.Guarded)}");
        }
        else context.Out.WriteLine("Writes are taken.");
        return 0;
    }

    private static DateTimeOffset? Start(string text) => text == "now" ? null : Time(text, "--start now, or a time");

    internal static DateTimeOffset Time(string text, string what) => DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var at) ? at
        : throw new RagException(ErrorKind.Invalid, $"'{text}' is not a time.", $"Write {what} in UTC such as 2026-03-01T22:00Z.");

    private static void Print(IAnsiConsole console, WindowChanged changed)
    {
        Print(console, changed.Window);
        if (changed.SilenceProblem is null) return;
        console.MarkupLineInterpolated($"[yellow]{changed.SilenceProblem}[/]");
        console.MarkupLineInterpolated($"{changed.SilenceRemedy}");
    }

    private static void Print(IAnsiConsole console, MaintenanceWindow w) =>
        console.MarkupLineInterpolated($"{w.Id}  {w.State,-9}  {w.StartsAt:yyyy-MM-dd HH:mm} to {w.EndsAt:yyyy-MM-dd HH:mm} UTC  {w.Title}{(w.SilenceId is { } s ? $"  (silence {s})" : "")}");
}
