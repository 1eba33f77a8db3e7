using System.CommandLine;
using Rag.Foundation.Commands;
using Rag.Maintenance.Schedules;
using Spectre.Console;

namespace Rag.Maintenance.Retention;

internal static class RetentionCommands
{
    private const string Path = "/admin/v1/retention";

    public static void AddRetention(this RootCommand root, CommandContext context)
    {
        var status = new Command("status", "What is kept, what is due, what is held, what was removed and why.");
        context.Bind(status, async (parse, api, ct) =>
        {
            var s = await api.GetAsync(Path, RetentionJson.Default.RetentionStatus, ct);
            if (!context.TryJson(parse, s, RetentionJson.Default.RetentionStatus)) Print(context.Out, s);
            return 0;
        });
        var dry = new Option<bool>("--dry-run") { Description = "Say what is due, and remove nothing." };
        var run = new Command("run", "Remove what is kept long enough, now.") { dry };
        context.Bind(run, async (parse, api, ct) =>
        {
            if (!parse.GetValue(dry)) return await ScheduleCommands.RunAsync(context, parse, api, RetentionKeeper.ScheduleName, ct);
            var s = await api.GetAsync(Path, RetentionJson.Default.RetentionStatus, ct);
            if (context.TryJson(parse, s, RetentionJson.Default.RetentionStatus)) return 0;
            foreach (var r in s.Rules.Where(r => r.Due > 0)) context.Out.MarkupLineInterpolated($"{r.Rule}: {r.Due:N0} due. {r.Policy}");
            if (s.Rules.All(r => r.Due == 0)) context.Out.WriteLine("Nothing is due.");
            return 0;
        });
        var rule = new Argument<string>("rule") { Description = "What is held: a name that 'rag retention status' shows, or all." };
        var reason = new Option<string>("--reason") { Description = "Why, in a few words.", Required = true };
        var from = new Option<string?>("--from") { Description = "Things from then on (default: from the beginning)." };
        var to = new Option<string?>("--to") { Description = "Things until then (default: without an end)." };
        var hold = new Command("hold", "Place a legal hold: nothing of it is removed until it is released.") { rule, reason, from, to };
        context.Bind(hold, async (parse, api, ct) =>
        {
            var wanted = new PlaceHold(parse.GetValue(rule)!, parse.GetValue(reason)!, At(parse.GetValue(from)), At(parse.GetValue(to)));
            var placed = await api.PostAsync(Path + "/holds", wanted, RetentionJson.Default.PlaceHold, RetentionJson.Default.RetentionHold, ct);
            if (!context.TryJson(parse, placed, RetentionJson.Default.RetentionHold)) Print(context.Out, placed);
            return 0;
        });
        var id = new Argument<string>("id");
        var release = new Command("release", "Release a legal hold.") { id };
        context.Bind(release, async (parse, api, ct) =>
        {
            var released = await api.DeleteAsync($"{Path}/holds/{Uri.EscapeDataString(parse.GetValue(id)!)}", RetentionJson.Default.RetentionHold, ct);
            if (!context.TryJson(parse, released, RetentionJson.Default.RetentionHold)) Print(context.Out, released);
            return 0;
        });
        root.Add(new Command("retention", "How long things are kept.") { status, run, hold, release });
    }

    private static DateTimeOffset? At(string? text) => text is null ? null : MaintenanceCommands.Time(text, "a time");

    private static void Print(IAnsiConsole console, RetentionStatus s)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("What").AddColumn(new TableColumn("Kept").RightAligned()).AddColumn("Oldest").AddColumn(new TableColumn("Due").RightAligned())
            .AddColumn(new TableColumn("Held").RightAligned()).AddColumn(new TableColumn("Removed in a year").RightAligned()).AddColumn("Policy");
        foreach (var r in s.Rules) table.AddRow(Markup.Escape(r.Rule), $"{r.Kept:N0}", r.Oldest is { } o ? $"{o:yyyy-MM-dd}" : "–", $"{r.Due:N0}", $"{r.Held:N0}", $"{r.RemovedLastYear:N0}", Markup.Escape(r.Problem ?? r.Policy));
        console.Write(table);
        foreach (var r in s.Rules.Where(r => r.Remark is not null)) console.MarkupLineInterpolated($"{r.Rule}: {r.Remark}");
        foreach (var h in s.Holds.Where(h => h.ReleasedAt is null)) Print(console, h);
        foreach (var d in s.Deletions.Take(20)) console.MarkupLineInterpolated($"{d.DeletedAt:yyyy-MM-dd HH:mm}  {d.Deleted,10:N0} of {d.Rule}{(d.Oldest is { } a && d.Newest is { } b ? $", {a:yyyy-MM-dd} to {b:yyyy-MM-dd}" : "")}: {d.Why}");
    }

    private static void Print(IAnsiConsole console, RetentionHold h) => console.MarkupLineInterpolated(
        $"hold {h.Id} on {h.Rule}{(h.From is { } f ? $" from {f:yyyy-MM-dd}" : "")}{(h.To is { } t ? $" until {t:yyyy-MM-dd}" : "")}: {h.Reason} ({(h.ReleasedAt is null ? $"placed by {h.PlacedBy}" : $"released by {h.ReleasedBy}")})");
}
