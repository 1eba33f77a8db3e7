using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Rag.Backup.Drills;
using Rag.Backup.OffSite;
using Rag.Foundation;
using Rag.Foundation.Commands;
using Spectre.Console;

namespace Rag.Backup;

internal static class BackupCommands
{
    private const string Path = "/admin/v1/backups";
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(200);

    public static void AddBackup(this RootCommand root, CommandContext context) => root.Add(new Command("backup", "Copies of the record that are sealed, checked and put back.")
    {
        Create(context), List(context), Show(context), Verify(context), DrillCommands.Drill(context), DrillCommands.Drills(context), Restore(context),
        OffSiteCommands.Copy(context), OffSiteCommands.OffSite(context), OffSiteCommands.Fetch(context), Key(context),
    });

    private static Command Create(CommandContext context)
    {
        var kind = new Option<string>("--kind") { Description = "daily (the record), weekly (also the database's own format, configuration, dashboards) or monthly.", DefaultValueFactory = _ => BackupKind.Daily };
        var create = new Command("create", "Make a backup while the service goes on; one that was interrupted is gone on with.") { kind };
        context.Bind(create, async (parse, api, ct) =>
        {
            var begun = await api.PostAsync(Path, new(parse.GetValue(kind)), BackupJson.Default.CreateBackup, BackupJson.Default.BackupOperation, ct);
            var made = await FollowAsync(context, api, begun, BackupJson.Default.BackupInfo, ct);
            if (!context.TryJson(parse, made, BackupJson.Default.BackupInfo)) Print(context.Out, made);
            return 0;
        });
        return create;
    }

    private static Command List(CommandContext context)
    {
        var list = new Command("list", "Backups, newest first: kind, state, size, and when each was last verified and drilled.");
        context.Bind(list, async (parse, api, ct) =>
        {
            var all = await api.GetAsync(Path, BackupJson.Default.BackupList, ct);
            if (context.TryJson(parse, all, BackupJson.Default.BackupList)) return 0;
            foreach (var backup in all.Backups) Print(context.Out, backup);
            context.Out.MarkupLineInterpolated($"{(all.Backups.Count == 0 ? "There is no backup" : $"{all.Backups.Count} backups")} in {all.Directory}.");
            return 0;
        });
        return list;
    }

    private static Command Show(CommandContext context)
    {
        var id = Id();
        var show = new Command("show", "One backup, and what is in it.") { id };
        context.Bind(show, async (parse, api, ct) =>
        {
            var detail = await api.GetAsync(Of(parse.GetValue(id)!), BackupJson.Default.BackupDetail, ct);
            if (context.TryJson(parse, detail, BackupJson.Default.BackupDetail)) return 0;
            Print(context.Out, detail.Backup);
            context.Out.MarkupLineInterpolated($"folder    {detail.Backup.Directory}");
            context.Out.MarkupLineInterpolated($"made by   rag-system {detail.Product} on {detail.Backup.Engine}, schema {detail.Schema}; key {detail.Key}");
            var table = new Table().Border(TableBorder.Simple).AddColumn("Table").AddColumn(new TableColumn("Rows").RightAligned()).AddColumn(new TableColumn("MB").RightAligned()).AddColumn(new TableColumn("MB stored").RightAligned());
            foreach (var t in detail.Tables) table.AddRow(t.Table, $"{t.Rows:N0}", $"{t.PlainBytes / 1e6:F1}", $"{t.StoredBytes / 1e6:F1}");
            if (detail.Tables.Count > 0) context.Out.Write(table);
            foreach (string file in detail.Files) context.Out.MarkupLineInterpolated($"also      {file}");
            return 0;
        });
        return show;
    }

    private static Command Verify(CommandContext context)
    {
        var id = new Argument<string?>("id") { Description = "As 'rag backup list' shows it.", Arity = ArgumentArity.ZeroOrOne };
        var all = new Option<bool>("--all") { Description = "Every backup that is whole." };
        var offSite = new Option<bool>("--off-site") { Description = "Read the copies off-site instead of the backups here." };
        var verify = new Command("verify", "Read all of a backup: every digest, tag and count, and its place in the sequence.") { id, all, offSite };
        context.Bind(verify, async (parse, api, ct) =>
        {
            if (parse.GetValue(id) is null == !parse.GetValue(all)) throw new RagException(ErrorKind.Invalid, "Which backup is not said.", "Name its id, or say --all.");
            bool copies = parse.GetValue(offSite);
            var ids = parse.GetValue(id) is { } one ? [one]
                : copies ? (await api.GetAsync(Path + "/off-site", OffSiteJson.Default.OffSiteList, ct)).Copies.Where(c => c.Whole || c.State == BackupState.Damaged).Select(c => c.BackupId).ToList()
                : (await api.GetAsync(Path, BackupJson.Default.BackupList, ct)).Backups.Where(b => b.State is not (BackupState.Running or BackupState.Failed)).Select(b => b.Id).ToList();
            int wrong = 0;
            foreach (string backup in ids)
            {
                try
                {
                    var verified = await FollowAsync(context, api, await api.PostAsync(Of(backup) + (copies ? "/verify-copy" : "/verify"), BackupJson.Default.BackupOperation, ct), BackupJson.Default.VerifiedBackup, ct);
                    if (!context.TryJson(parse, verified, BackupJson.Default.VerifiedBackup)) context.Out.MarkupLineInterpolated($"[green]right[/]    {backup}: {verified.Rows:N0} rows in {verified.Parts} parts, {verified.StoredBytes / 1e6:F1} MB read");
                }
                catch (RagException e) when (ids.Count > 1)
                {
                    wrong++;
                    context.Out.MarkupLineInterpolated($"[red]WRONG[/]    {backup}: {e.Message}");
                    context.Out.MarkupLineInterpolated($"           {e.Remedy}");
                }
            }
            return wrong == 0 ? 0 : 1;
        });
        return verify;
    }

    private static Command Restore(CommandContext context)
    {
        var id = new Argument<string?>("id") { Description = "As 'rag backup list' shows it.", Arity = ArgumentArity.ZeroOrOne };
        var point = new Option<string?>("--to-point") { Description = "Instead of a backup: a time in UTC such as 2026-03-01T22:00Z, where pgBackRest keeps PostgreSQL's log." };
        var collection = new Option<string?>("--collection") { Description = "Only this collection." };
        var document = new Option<string?>("--document") { Description = "Only this document of the collection, by its id or address." };
        var into = new Option<string>("--into") { Description = "empty: a record without documents becomes as in the backup; running: a record in use is replaced.", DefaultValueFactory = _ => "empty" };
        var restore = new Command("restore", "Put a backup back, after reading it in full; afterwards all of it is there, or what was there before.") { id, collection, document, into, point };
        context.Bind(restore, async (parse, api, ct) =>
        {
            if (parse.GetValue(id) is null == parse.GetValue(point) is null) throw new RagException(ErrorKind.Invalid, "What to restore is not said.", "Name the id of a backup, or a time with --to-point.");
            var begun = parse.GetValue(point) is { } at
                ? await api.PostAsync(Path + "/restore-to-point", new(Time(at), parse.GetValue(into)), BackupJson.Default.RestoreToPoint, BackupJson.Default.BackupOperation, ct)
                : await api.PostAsync(Of(parse.GetValue(id)!) + "/restore", new(parse.GetValue(collection), parse.GetValue(document), parse.GetValue(into)), BackupJson.Default.RestoreBackup, BackupJson.Default.BackupOperation, ct);
            var done = await FollowAsync(context, api, begun, BackupJson.Default.RestoreResult, ct);
            if (context.TryJson(parse, done, BackupJson.Default.RestoreResult)) return 0;
            context.Out.MarkupLineInterpolated($"[green]Restored[/] {done.Documents:N0} documents ({done.Rows:N0} rows) of {done.BackupId} in {done.Seconds:F1} s{(done.Unchanged > 0 ? $"; {done.Unchanged:N0} were as in the backup" : "")}.");
            context.Out.MarkupLineInterpolated($"The record is as it was at position {done.BackupPosition}; the change log is at {done.Position}.");
            return 0;
        });
        return restore;
    }

    private static Command Key(CommandContext context)
    {
        var file = new Argument<string>("file") { Description = "The key file." };
        var create = new Command("create", "Make a key file; never over another.") { file };
        context.BindAlone(create, (parse, _) =>
        {
            var key = BackupKeys.Create(parse.GetValue(file)!);
            context.Out.MarkupLineInterpolated($"Made {parse.GetValue(file)} with the key {key.Id}. Name it in Backup:KeyFile on every replica, and keep a copy elsewhere: what it seals opens with it alone.");
            return Task.FromResult(0);
        });
        var rotate = new Command("rotate", "Add a key that seals from now on; what the others sealed still opens.") { file };
        context.BindAlone(rotate, (parse, _) =>
        {
            var key = BackupKeys.Rotate(parse.GetValue(file)!);
            context.Out.MarkupLineInterpolated($"Added the key {key.Id} to {parse.GetValue(file)}. Copy the file to every replica and to where its copy is kept.");
            return Task.FromResult(0);
        });
        var list = new Command("list", "Ids of the keys in a file; the last one seals.") { file };
        context.BindAlone(list, (parse, _) =>
        {
            foreach (var key in BackupKeys.Read(parse.GetValue(file)!).All) context.Out.WriteLine(key.Id);
            return Task.FromResult(0);
        });
        return new Command("key", "The keys that backups are sealed with.") { create, rotate, list };
    }

    /// <summary>Looks at an operation until it ends, and shows how far it is; what it failed with is thrown.</summary>
    internal static async Task<T> FollowAsync<T>(CommandContext context, ApiClient api, BackupOperation begun, JsonTypeInfo<T> type, CancellationToken ct)
    {
        var operation = begun;
        await context.Remarks.Progress().AutoClear(true).StartAsync(async display =>
        {
            var bar = display.AddTask(begun.What, maxValue: 1);
            while (operation.State == "running")
            {
                await Task.Delay(Look, ct);
                operation = await api.GetAsync($"{Path}/operations/{operation.Id}", BackupJson.Default.BackupOperation, ct);
                if (operation.Progress is not { } p) continue;
                bar.Description = Markup.Escape(p.Phase);
                if (p.TotalBytes > 0) bar.Value = Math.Min(1, p.DoneBytes / (double)p.TotalBytes);
            }
        });
        if (operation.State != "done" || operation.Result is not { } result) throw new RagException(ErrorKind.Unavailable, operation.Problem ?? "It failed.", operation.Remedy ?? "The log of the server says more.");
        return JsonSerializer.Deserialize(result, type)!;
    }

    internal static void Print(IAnsiConsole console, BackupInfo b)
    {
        string proof = b.State switch
        {
            BackupState.Drilled => $"drilled {b.DrilledAt:yyyy-MM-dd HH:mm} UTC",
            BackupState.Verified => $"verified {b.VerifiedAt:yyyy-MM-dd HH:mm} UTC",
            BackupState.Complete => "unverified",
            _ => b.State,
        };
        console.MarkupLineInterpolated($"{b.Id}  {b.Kind,-7}  {b.StartedAt:yyyy-MM-dd HH:mm} UTC  {b.Rows,12:N0} rows  {b.StoredBytes / 1e6,10:F1} MB  {proof}");
        if (b.Problem is { } problem) console.MarkupLineInterpolated($"  [red]{problem}[/]");
    }

    private static DateTimeOffset Time(string text) => DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var at) ? at
        : throw new RagException(ErrorKind.Invalid, $"'{text}' is not a time.", "Write a time in UTC such as 2026-03-01T22:00Z.");

    private static Argument<string> Id() => new("id") { Description = "As 'rag backup list' shows it." };

    private static string Of(string id) => $"{Path}/{Uri.EscapeDataString(id)}";
}
