using System.CommandLine;
using System.Globalization;
using Rag.Foundation.Commands;
using Spectre.Console;

namespace Rag.Backup.Drills;

internal static class DrillCommands
{
    private const string Path = "/admin/v1/backups/drills";

    public static Command Drill(CommandContext context)
    {
        var id = new Argument<string?>("id") { Description = "As 'rag backup list' shows it; the newest where it is left out.", Arity = ArgumentArity.ZeroOrOne };
        var offSite = new Option<bool>("--off-site") { Description = "Restore the copy off-site instead of the backup here." };
        var drill = new Command("drill", "Restore a backup into a scratch store, compare every table, make the index, ask, and keep the evidence.") { id, offSite };
        context.Bind(drill, async (parse, api, ct) =>
        {
            var begun = await api.PostAsync(Path, new(parse.GetValue(id), parse.GetValue(offSite)), DrillJson.Default.StartDrill, BackupJson.Default.BackupOperation, ct);
            var evidence = await BackupCommands.FollowAsync(context, api, begun, DrillJson.Default.DrillEvidence, ct);
            if (!context.TryJson(parse, evidence, DrillJson.Default.DrillEvidence)) Print(context.Out, evidence);
            return evidence.Passed ? 0 : 1;
        });
        return drill;
    }

    public static Command Drills(CommandContext context)
    {
        var list = new Command("list", "Drills, newest first: whether they passed, the time to the first answer, and what would have been lost.");
        context.Bind(list, async (parse, api, ct) =>
        {
            var drills = await api.GetAsync(Path, DrillJson.Default.DrillList, ct);
            if (context.TryJson(parse, drills, DrillJson.Default.DrillList)) return 0;
            if (drills.Drills.Count == 0) context.Out.WriteLine("There was no drill.");
            foreach (var d in drills.Drills)
                context.Out.MarkupLineInterpolated($"{d.Id}  {d.StartedAt:yyyy-MM-dd HH:mm} UTC  {(d.OffSite ? "off-site" : "here"),-8}  {(d.Passed ? "passed" : "FAILED"),-6}  first answer {Seconds(d.FirstAnswerSeconds)} s  loss {Seconds(d.LossSeconds)} s  backup {d.BackupId}{(d.Problem is { } p ? $"\n  {p}" : "")}");
            return 0;
        });
        var id = new Argument<string>("id") { Description = "As 'rag backup drills list' shows it." };
        var show = new Command("show", "The evidence of a drill.") { id };
        context.Bind(show, async (parse, api, ct) =>
        {
            var evidence = await api.GetAsync($"{Path}/{Uri.EscapeDataString(parse.GetValue(id)!)}", DrillJson.Default.DrillEvidence, ct);
            if (!context.TryJson(parse, evidence, DrillJson.Default.DrillEvidence)) Print(context.Out, evidence);
            return 0;
        });
        return new Command("drills", "The evidence of drills.") { list, show };
    }

    private static void Print(IAnsiConsole console, DrillEvidence e)
    {
        console.MarkupLineInterpolated($"{(e.Passed ? "[green]passed[/]" : "[red]FAILED[/]")}   drill {e.Id} of the {e.Kind} backup {e.BackupId}{(e.OffSite ? " off-site" : "")}");
        foreach (var c in e.Checks)
        {
            if (c.Passed) console.MarkupLineInterpolated($"[green]right[/]    {c.Name}: {c.Found}");
            else console.MarkupLineInterpolated($"[red]WRONG[/]    {c.Name}: {c.Found}");
        }
        var s = e.Seconds;
        console.MarkupLineInterpolated($"time     {Seconds(s.FirstAnswer)} s to the first answer: fetch {Seconds(s.Fetch)}, read {Seconds(s.Read)}, restore {Seconds(s.Restore)}, index {Seconds(s.Index)}; {Seconds(s.Total)} s in all");
        console.MarkupLineInterpolated($"loss     {e.Loss.Changes:N0} changes since position {e.Loss.BackupPosition}, the oldest {Seconds(e.Loss.Seconds)} s old");
    }

    private static string Seconds(double seconds) => seconds.ToString("F1", CultureInfo.InvariantCulture);
}
