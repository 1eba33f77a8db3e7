using System.CommandLine;
using System.Globalization;
using Rag.Foundation;
using Rag.Foundation.Commands;
using Spectre.Console;

namespace Rag.Maintenance;

internal static class MaintenanceCommands
{
    public static void AddMaintenance(this RootCommand root, CommandContext context)
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
        root.Add(new Command("maintenance", "Announce work on the service.") { new Command("window", "Maintenance windows.") { announce, list, cancel } });
    }

    private static DateTimeOffset? Start(string text) => text == "now" ? null
        : DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var at) ? at
        : throw new RagException(ErrorKind.Invalid, $"'{text}' is not a time.", "Write --start now, or a time in UTC such as 2026-03-01T22:00Z.");

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
