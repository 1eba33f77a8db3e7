using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Rag.Foundation;
using Rag.Foundation.Commands;
using Spectre.Console;

namespace Rag.Audit;

internal static class AuditCommands
{
    private const string Path = "/admin/v1/audit";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static void AddAudit(this RootCommand root, CommandContext context) =>
        root.Add(new Command("audit", "The audit record: who did what, and the proof that it was not changed.") { List(context), Show(context), Verify(context), Export(context), Erase(context), Hold(context), Segments(context), Key(context) });

    private static Command List(CommandContext context)
    {
        var category = new Option<string?>("--category") { Description = $"One of {string.Join(", ", AuditCategory.All)}." };
        var action = new Option<string?>("--action") { Description = "What was done, such as collection.delete; with * at the end how it begins." };
        var actor = new Option<string?>("--actor") { Description = "Who did it: kind and id, such as user:u-17, an id, or a pseudonym." };
        var resource = new Option<string?>("--resource") { Description = "What it was done to, such as collection:handbook." };
        var outcome = new Option<string?>("--outcome") { Description = "success or failure." };
        var since = new Option<string?>("--since") { Description = "From this time on (RFC 3339), or for so long, such as 24h." };
        var until = new Option<string?>("--until") { Description = "Before this time (RFC 3339)." };
        var limit = new Option<int>("--limit") { Description = "Records on a page.", DefaultValueFactory = _ => 50 };
        var before = new Option<long?>("--before") { Description = "Continue: what the last page printed." };
        var list = new Command("list", "Records, newest first.") { category, action, actor, resource, outcome, since, until, limit, before };
        context.Bind(list, async (parse, api, ct) =>
        {
            string query = Query(
                ("category", parse.GetValue(category)), ("action", parse.GetValue(action)), ("actor", parse.GetValue(actor)), ("resource", parse.GetValue(resource)), ("outcome", parse.GetValue(outcome)),
                ("since", Time(parse.GetValue(since))), ("until", Time(parse.GetValue(until))), ("limit", parse.GetValue(limit).ToString(CultureInfo.InvariantCulture)), ("before", parse.GetValue(before)?.ToString(CultureInfo.InvariantCulture)));
            var page = await api.GetAsync($"{Path}/records{query}", AuditJson.Default.AuditRecordList, ct);
            if (context.TryJson(parse, page, AuditJson.Default.AuditRecordList)) return 0;
            // Two lines each: a table of these is wider than a terminal.
            foreach (var r in page.Records)
            {
                context.Out.MarkupLineInterpolated($"{r.At:yyyy-MM-dd HH:mm:ss}  [bold]{r.Action}[/]{(r.Outcome == Envelope.Failure ? " (failed)" : "")}  {r.Category}  {r.Id}");
                context.Out.MarkupLineInterpolated($"    {Who(r)} → {r.Resource ?? "erased"}");
            }
            if (page.Records.Count == 0) context.Out.WriteLine("No record fits.");
            if (page.Next is { } next) context.Out.MarkupLineInterpolated($"There are more: --before {next}");
            return 0;
        });
        return list;
    }

    private static Command Show(CommandContext context)
    {
        var id = new Argument<string>("id") { Description = "The record's id." };
        var proof = new Option<bool>("--proof") { Description = "With the proof that it is under the newest checkpoint." };
        var show = new Command("show", "One record with its event.") { id, proof };
        context.Bind(show, async (parse, api, ct) =>
        {
            string name = Uri.EscapeDataString(parse.GetValue(id)!);
            if (parse.GetValue(proof))
            {
                var proven = await api.GetAsync($"{Path}/records/{name}/proof", AuditJson.Default.AuditProof, ct);
                if (context.TryJson(parse, proven, AuditJson.Default.AuditProof)) return proven.Verified ? 0 : 1;
                context.Out.MarkupLineInterpolated($"record      {proven.Leaf} of {proven.Size}");
                context.Out.MarkupLineInterpolated($"leaf        {Convert.ToBase64String(proven.LeafHash)}");
                foreach (byte[] hash in proven.Hashes) context.Out.MarkupLineInterpolated($"with        {Convert.ToBase64String(hash)}");
                context.Out.WriteLine();
                context.Out.WriteLine(proven.Checkpoint);
                context.Out.MarkupLine(proven.Verified ? "[green]The record is under this checkpoint.[/]" : "[red]The proof does not lead to the checkpoint's root.[/] 'rag audit verify' says what was changed.");
                return proven.Verified ? 0 : 1;
            }
            var record = await api.GetAsync($"{Path}/records/{name}", AuditJson.Default.AuditRecordView, ct);
            if (context.TryJson(parse, record, AuditJson.Default.AuditRecordView)) return 0;
            context.Out.MarkupLineInterpolated($"time        {record.At:yyyy-MM-dd HH:mm:ss.fff} UTC");
            context.Out.MarkupLineInterpolated($"action      {record.Action} ({record.Category}, {record.Outcome})");
            context.Out.MarkupLineInterpolated($"who         {Who(record)}{(record.Actor?.Address is { } address ? $" from {address}" : "")}");
            context.Out.MarkupLineInterpolated($"subject     {record.Subject}");
            context.Out.MarkupLineInterpolated($"what        {record.Resource ?? "erased"}");
            context.Out.MarkupLineInterpolated($"place       {record.Leaf?.ToString(CultureInfo.InvariantCulture) ?? "none yet"}");
            if (record.Event is { } ocsf) context.Out.WriteLine(JsonSerializer.Serialize(ocsf, Indented));
            return 0;
        });
        return show;
    }

    private static Command Verify(CommandContext context)
    {
        var checkpoints = new Option<string?>("--checkpoints") { Description = "Folder with checkpoints from outside; without it the server looks into its own." };
        var export = new Option<string?>("--export") { Description = "Verify a file that 'rag audit export' wrote, without a server." };
        var publicKey = new Option<string?>("--public-key") { Description = "File with what 'rag audit key show' printed; goes with --export." };
        var verify = new Command("verify", "Compare the record with what was signed.") { checkpoints, export, publicKey };
        verify.Validators.Add(result =>
        {
            if (result.GetValue(export) is null != result.GetValue(publicKey) is null) result.AddError("--export and --public-key go together.");
        });
        context.BindAlone(verify, async (parse, ct) =>
        {
            IReadOnlyList<string>? notes = parse.GetValue(checkpoints) is { } folder ? [.. CheckpointCopies.Read(folder)] : null;
            AuditVerification result;
            if (parse.GetValue(export) is { } file)
            {
                using var reader = Open(file);
                using var key = Open(parse.GetValue(publicKey)!);
                result = await ExportVerifier.VerifyAsync(reader, await key.ReadToEndAsync(ct), notes ?? [], ct);
            }
            else
            {
                await using var server = await context.ConnectAsync(parse, ct);
                result = await server.Api.PostAsync($"{Path}/verify", new AuditVerifyRequest(notes), AuditJson.Default.AuditVerifyRequest, AuditJson.Default.AuditVerification, ct);
            }
            if (!context.TryJson(parse, result, AuditJson.Default.AuditVerification)) Print(context.Out, result);
            return result.Intact ? 0 : 1;
        });
        return verify;
    }

    private static Command Export(CommandContext context)
    {
        var from = new Option<string?>("--from") { Description = "Records from this time on (RFC 3339), or of so long, such as 30d; of earlier ones the hashes." };
        var to = new Option<string?>("--to") { Description = "Records up to this time (RFC 3339)." };
        var category = new Option<string?>("--category") { Description = "Records of one category." };
        var output = new Option<string>("--output", "-o") { Description = "File to write, JSON Lines.", Required = true };
        var export = new Command("export", "The record as JSON Lines, which 'rag audit verify --export' checks without a server.") { from, to, category, output };
        context.Bind(export, async (parse, api, ct) =>
        {
            string path = parse.GetValue(output)!;
            string query = Query(("from", Time(parse.GetValue(from))), ("to", Time(parse.GetValue(to))), ("category", parse.GetValue(category)));
            try
            {
                await using var file = new FileStream(path, FileMode.Create, FileAccess.Write);
                await api.CopyToAsync($"{Path}/export{query}", file, ct);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new RagException(ErrorKind.Unavailable, $"{path} cannot be written: {e.Message}", "Choose another place with --output.", e);
            }
            context.Remarks.MarkupLineInterpolated($"Wrote {path}. 'rag audit verify --export {path} --public-key FILE' checks it anywhere.");
            return 0;
        });
        return export;
    }

    private static Command Erase(CommandContext context)
    {
        var subject = new Argument<string>("subject") { Description = "Kind and id, such as user:u-17, or the pseudonym." };
        var reason = new Option<string?>("--reason") { Description = "Why; it is recorded." };
        var erase = new Command("erase", "Destroy a subject's key: who it was, from where and on what is gone from its records for good.") { subject, reason };
        context.Bind(erase, async (parse, api, ct) =>
        {
            var erased = await api.PostAsync($"{Path}/erase", new AuditEraseRequest(parse.GetValue(subject)!, parse.GetValue(reason)), AuditJson.Default.AuditEraseRequest, AuditJson.Default.AuditErased, ct);
            if (!context.TryJson(parse, erased, AuditJson.Default.AuditErased)) context.Out.MarkupLineInterpolated($"Erased: {erased.Records} records of subject {erased.Subject} can be read by nobody any more. Their proofs stay valid; backups made before hold the key until they go.");
            return 0;
        });
        return erase;
    }

    private static Command Hold(CommandContext context)
    {
        var reason = new Option<string>("--reason") { Description = "Why, in a sentence.", Required = true };
        var subject = new Option<string?>("--subject") { Description = "Keep this subject from being erased: kind and id, or pseudonym." };
        var from = new Option<string?>("--from") { Description = "Records from this time on (RFC 3339)." };
        var to = new Option<string?>("--to") { Description = "Records up to this time (RFC 3339)." };
        var add = new Command("add", "Keep records from expiring and subjects from being erased.") { reason, subject, from, to };
        context.Bind(add, async (parse, api, ct) =>
        {
            var hold = await api.PostAsync($"{Path}/holds", new AuditHoldRequest(parse.GetValue(reason), parse.GetValue(subject), Instant(parse.GetValue(from)), Instant(parse.GetValue(to))), AuditJson.Default.AuditHoldRequest, AuditJson.Default.AuditHoldView, ct);
            if (!context.TryJson(parse, hold, AuditJson.Default.AuditHoldView)) context.Out.MarkupLineInterpolated($"Held: {hold.Id}");
            return 0;
        });
        var id = new Argument<string>("id") { Description = "The hold's id." };
        var remove = new Command("remove", "Release a hold.") { id };
        context.Bind(remove, async (parse, api, ct) =>
        {
            var hold = await api.DeleteAsync($"{Path}/holds/{Uri.EscapeDataString(parse.GetValue(id)!)}", AuditJson.Default.AuditHoldView, ct);
            if (!context.TryJson(parse, hold, AuditJson.Default.AuditHoldView)) context.Out.MarkupLineInterpolated($"Released: {hold.Id}");
            return 0;
        });
        var list = new Command("list", "Holds, those in force first.");
        context.Bind(list, async (parse, api, ct) =>
        {
            var holds = await api.GetAsync($"{Path}/holds", AuditJson.Default.AuditHoldList, ct);
            if (context.TryJson(parse, holds, AuditJson.Default.AuditHoldList)) return 0;
            var table = new Table().Border(TableBorder.Simple).AddColumns("Id", "Records", "Subject", "Placed (UTC)", "Released (UTC)", "Reason");
            foreach (var h in holds.Holds)
                table.AddRow(h.Id, $"{h.From?.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) ?? "first"} to {h.To?.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) ?? "last"}", Markup.Escape(h.Subject ?? "all"), $"{h.PlacedAt:yyyy-MM-dd HH:mm}", $"{h.ReleasedAt:yyyy-MM-dd HH:mm}", Markup.Escape(h.Reason));
            context.Out.Write(table);
            return 0;
        });
        return new("hold", "Records that must stay.") { add, remove, list };
    }

    private static Command Segments(CommandContext context)
    {
        var segments = new Command("segments", "Segments of the record, and when they expire.");
        context.Bind(segments, async (parse, api, ct) =>
        {
            var list = await api.GetAsync($"{Path}/segments", AuditJson.Default.AuditSegmentList, ct);
            if (context.TryJson(parse, list, AuditJson.Default.AuditSegmentList)) return list.Trouble is null ? 0 : 1;
            var table = new Table().Border(TableBorder.Simple).AddColumns("Records", "State", "Last record (UTC)", "Expires (UTC)");
            foreach (var s in list.Segments) table.AddRow($"{s.FirstLeaf} to {(s.EndLeaf is { } end ? (end - 1).ToString(CultureInfo.InvariantCulture) : "")}", s.State, $"{s.LastAt:yyyy-MM-dd}", $"{s.ExpiresAt:yyyy-MM-dd}");
            context.Out.Write(table);
            context.Out.MarkupLineInterpolated($"{list.Size} records have their place in the tree.");
            if (list.Trouble is { } trouble) context.Out.MarkupLineInterpolated($"[red]Nothing is signed: {trouble}.[/]");
            return list.Trouble is null ? 0 : 1;
        });
        return segments;
    }

    private static Command Key(CommandContext context)
    {
        var file = new Argument<string>("file") { Description = "Where to put it; must not exist." };
        var create = new Command("create", "Make a key file: the key that signs checkpoints, and the secret that seals records.") { file };
        context.BindAlone(create, (parse, _) =>
        {
            AuditKeys.Create(parse.GetValue(file)!);
            context.Out.MarkupLineInterpolated($"Made {parse.GetValue(file)}. Name it in Audit:KeyFile on every replica, and keep a copy elsewhere: what it sealed opens with it alone.");
            return Task.FromResult(0);
        });
        var show = new Command("show", "The public key: as C2SP signed-note has it, and as PEM.");
        context.Bind(show, async (parse, api, ct) =>
        {
            var key = await api.GetAsync($"{Path}/key", AuditJson.Default.AuditKeyView, ct);
            // As it is, without the breaking of lines that a console does.
            if (!context.TryJson(parse, key, AuditJson.Default.AuditKeyView)) await Console.Out.WriteLineAsync($"{key.Verifier}\n{key.Pem}");
            return 0;
        });
        return new("key", "The key of the audit record.") { create, show };
    }

    private static void Print(IAnsiConsole console, AuditVerification v)
    {
        console.MarkupLineInterpolated($"records      {v.Records:N0} checked, {v.Sealed:N0} of erased subjects; of {v.Expired:N0} more the hashes alone; {v.Unsequenced:N0} without a place yet");
        console.MarkupLineInterpolated($"checkpoints  {v.Checkpoints:N0} compared; the newest signs {v.OutsideSize:N0} records{(v.OutsideAt is { } at ? $", at {at:yyyy-MM-dd HH:mm:ss} UTC" : "")}");
        foreach (string problem in v.Problems) console.MarkupLineInterpolated($"[red]{problem}[/]");
        if (v.ProblemCount > v.Problems.Count) console.MarkupLineInterpolated($"[red]and {v.ProblemCount - v.Problems.Count:N0} more[/]");
        console.MarkupLine(v.Intact ? "[green]The record is what was signed.[/]" : "[red]The record is not what was signed.[/] Keep it as it is, with the checkpoints, and tell whoever answers for audits.");
    }

    private static string Who(AuditRecordView r) => r.Actor is { } a ? $"{a.Name} ({a.Kind}:{a.Id})" : r.Erased ? "erased" : "does not open";

    private static StreamReader Open(string path)
    {
        try
        {
            return new(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RagException(ErrorKind.NotFound, $"{path} cannot be read: {e.Message}", "Name a file that is there.", e);
        }
    }

    private static string Query(params IEnumerable<(string Name, string? Value)> values) =>
        string.Concat(values.Where(v => v.Value is not null).Select((v, i) => $"{(i == 0 ? '?' : '&')}{v.Name}={Uri.EscapeDataString(v.Value!)}"));

    private static string? Time(string? text) => Instant(text)?.ToString("O", CultureInfo.InvariantCulture);

    private static DateTimeOffset? Instant(string? text)
    {
        if (text is null) return null;
        if (DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at)) return at;
        return TimeProvider.System.GetUtcNow() - Durations.Parse(text, "the time", TimeSpan.FromSeconds(1), TimeSpan.FromDays(36_500));
    }
}
