using System.CommandLine;
using Rag.Foundation.Commands;
using Spectre.Console;

namespace Rag.Backup.OffSite;

internal static class OffSiteCommands
{
    private const string Path = "/admin/v1/backups";

    public static Command OffSite(CommandContext context)
    {
        var list = new Command("off-site", "Copies of backups off-site, newest first, those that the record does not know, too.");
        context.Bind(list, async (parse, api, ct) =>
        {
            var all = await api.GetAsync(Path + "/off-site", OffSiteJson.Default.OffSiteList, ct);
            if (context.TryJson(parse, all, OffSiteJson.Default.OffSiteList)) return 0;
            foreach (var copy in all.Copies) Print(context.Out, copy);
            context.Out.MarkupLineInterpolated($"{(all.Copies.Count == 0 ? "There is no copy" : $"{all.Copies.Count} copies")} in {all.Location}.");
            return 0;
        });
        return list;
    }

    public static Command Copy(CommandContext context)
    {
        var id = Id();
        var copy = new Command("copy", "Copy a backup off-site and read the copy back; one that was interrupted is gone on with.") { id };
        context.Bind(copy, async (parse, api, ct) =>
        {
            var made = await BackupCommands.FollowAsync(context, api, await api.PostAsync(Of(parse.GetValue(id)!) + "/copy", BackupJson.Default.BackupOperation, ct), OffSiteJson.Default.OffSiteCopy, ct);
            if (!context.TryJson(parse, made, OffSiteJson.Default.OffSiteCopy)) Print(context.Out, made);
            return 0;
        });
        return copy;
    }

    public static Command Fetch(CommandContext context)
    {
        var id = Id();
        var fetch = new Command("fetch", "Bring a copy back into the folder of backups, from where it is restored like any other.") { id };
        context.Bind(fetch, async (parse, api, ct) =>
        {
            var fetched = await BackupCommands.FollowAsync(context, api, await api.PostAsync(Of(parse.GetValue(id)!) + "/fetch", BackupJson.Default.BackupOperation, ct), BackupJson.Default.BackupInfo, ct);
            if (!context.TryJson(parse, fetched, BackupJson.Default.BackupInfo)) BackupCommands.Print(context.Out, fetched);
            return 0;
        });
        return fetch;
    }

    private static void Print(IAnsiConsole console, OffSiteCopy c)
    {
        string proof = c.State switch
        {
            BackupState.Drilled => $"drilled {c.DrilledAt:yyyy-MM-dd HH:mm} UTC",
            BackupState.Verified => $"verified {c.VerifiedAt:yyyy-MM-dd HH:mm} UTC",
            BackupState.Complete => "unverified",
            _ => c.State,
        };
        console.MarkupLineInterpolated($"{c.BackupId}  {c.Kind,-7}  {c.MadeAt:yyyy-MM-dd HH:mm} UTC  {c.StoredBytes / 1e6,10:F1} MB  {proof}");
        if (c.Problem is { } problem) console.MarkupLineInterpolated($"  [red]{problem}[/]");
    }

    private static Argument<string> Id() => new("id") { Description = "As 'rag backup list' and 'rag backup off-site' show it." };

    private static string Of(string id) => $"{Path}/{Uri.EscapeDataString(id)}";
}
