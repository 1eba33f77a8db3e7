using System.Data.Common;
using System.Text.Json;
using Dapper;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Audit;

/// <summary>Which records are looked for; what is absent does not limit them.</summary>
/// <param name="Actor">Kind and id (<c>user:u-17</c>), an id alone, or a pseudonym.</param>
/// <param name="Action">The action, or with <c>*</c> at its end how it begins.</param>
/// <param name="Before">Continues a page: only records written before this one.</param>
internal sealed record AuditFilter(
    string? Category = null, string? Action = null, string? Actor = null, string? Resource = null, string? Outcome = null, DateTimeOffset? Since = null, DateTimeOffset? Until = null, long? Before = null, int Limit = 50);

/// <summary>Reads the record. That somebody reads it is a record too, written first: who cannot be recorded reads nothing.</summary>
internal sealed class AuditQuery(Database database, AuditKeys keys, AuditTrail audit, AuditTree tree)
{
    public const int MaxPage = 500;

    private const int MaxFilterChars = 1_000, MaxCheckpoints = 1_000, MaxSubjects = 100;
    private const string Columns = "r.no AS No, r.id AS Id, r.at AS At, r.category AS Category, r.action AS Action, r.outcome AS Outcome, r.subject AS Subject, r.resource AS Resource, r.envelope AS Envelope, r.leaf_index AS LeafIndex, s.wrapped_key AS Wrapped, s.destroyed_at AS DestroyedAt";

    /// <summary>Newest first.</summary>
    public async Task<AuditRecordList> ListAsync(AuditFilter filter, CancellationToken ct)
    {
        if (filter.Limit is < 1 or > MaxPage) throw new RagException(ErrorKind.Invalid, $"limit is {filter.Limit}.", $"Choose 1 to {MaxPage}.");
        if (filter.Category is { } category && !AuditCategory.All.Contains(category)) throw new RagException(ErrorKind.Invalid, $"'{category}' is not a category.", $"Use one of {string.Join(", ", AuditCategory.All)}.");
        if (filter.Outcome is not (null or Envelope.Success or Envelope.Failure)) throw new RagException(ErrorKind.Invalid, $"'{filter.Outcome}' is not an outcome.", $"Use {Envelope.Success} or {Envelope.Failure}.");
        if (new[] { filter.Action, filter.Actor, filter.Resource }.Any(t => t?.Length > MaxFilterChars)) throw new RagException(ErrorKind.Invalid, "A filter is too long.", $"Use at most {MaxFilterChars} characters.");
        await audit.RecordAsync(new(AuditCategory.Privileged, "audit.search", "audit", Details(filter)), ct);
        await using var connection = await database.OpenAsync(ct);
        string[]? subjects = filter.Actor is { } actor ? await SubjectsAsync(connection, actor, ct) : null;
        if (subjects is []) return new([], null);
        var where = new List<string>();
        var values = new DynamicParameters(new { limit = filter.Limit + 1 });
        Add("r.no < @before", "before", filter.Before);
        Add("r.category = @category", "category", filter.Category);
        if (filter.Action is ['*', ..] or null) { }
        else if (filter.Action.EndsWith('*')) Add("r.action >= @action AND r.action < @actionEnd", "action", filter.Action[..^1]);
        else Add("r.action = @action", "action", filter.Action);
        if (filter.Action?.EndsWith('*') == true) values.Add("actionEnd", filter.Action[..^1] + "\uFFFD");
        Add("r.resource = @resource", "resource", filter.Resource);
        Add("r.outcome = @outcome", "outcome", filter.Outcome);
        Add("r.at >= @since", "since", filter.Since is { } since ? Clock.ToMicroseconds(since) : null);
        Add("r.at < @until", "until", filter.Until is { } until ? Clock.ToMicroseconds(until) : null);
        if (subjects is not null)
        {
            where.Add($"r.subject IN ({string.Join(", ", subjects.Select((_, i) => "@s" + i))})");
            for (int i = 0; i < subjects.Length; i++) values.Add("s" + i, subjects[i]);
        }
        var rows = (await connection.QueryAsync<Row>(new CommandDefinition(
            $"SELECT {Columns} FROM audit_records r LEFT JOIN audit_subjects s ON s.id = r.subject {(where.Count > 0 ? "WHERE " + string.Join(" AND ", where) : "")} ORDER BY r.no DESC LIMIT @limit", values, cancellationToken: ct))).AsList();
        return new([.. rows.Take(filter.Limit).Select(View)], rows.Count > filter.Limit ? rows[filter.Limit - 1].No : null);

        void Add(string condition, string name, object? value)
        {
            if (value is null) return;
            where.Add(condition);
            values.Add(name, value);
        }
    }

    /// <exception cref="RagException">NotFound: no such record, or not any more.</exception>
    public async Task<AuditRecordView> GetAsync(string id, CancellationToken ct)
    {
        await audit.RecordAsync(new(AuditCategory.Privileged, "audit.read", "audit:" + id), ct);
        await using var connection = await database.OpenAsync(ct);
        return View(await RowAsync(connection, id, ct));
    }

    /// <summary>The proof that a record is under the newest checkpoint.</summary>
    /// <exception cref="RagException">NotFound: no such record; Conflict: it is under no checkpoint yet, or the tree is damaged.</exception>
    public async Task<AuditProof> ProveAsync(string id, CancellationToken ct)
    {
        await audit.RecordAsync(new(AuditCategory.Privileged, "audit.read", "audit:" + id), ct);
        await using var connection = await database.OpenAsync(ct);
        var row = await RowAsync(connection, id, ct);
        var (note, checkpoint) = await NewestAsync(connection, ct);
        if (row.LeafIndex is not >= 0 || checkpoint is null || row.LeafIndex >= checkpoint.Size) throw new RagException(ErrorKind.Conflict, $"Record {id} is under no checkpoint yet.", "Ask again in a minute; Audit:CheckpointSeconds says how often one is signed.");
        byte[] leaf = Merkle.Leaf(row.Envelope);
        var hashes = await TreeReader.InclusionAsync(connection, null, row.LeafIndex.Value, checkpoint.Size);
        return new(id, row.LeafIndex.Value, row.Envelope, leaf, hashes, checkpoint.Size, note, Merkle.Includes(leaf, row.LeafIndex.Value, checkpoint.Size, hashes, checkpoint.Root));
    }

    public async Task<AuditConsistency> ConsistencyAsync(long first, long second, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        long size = await connection.ExecuteScalarAsync<long?>(new CommandDefinition("SELECT size FROM audit_tree WHERE id = 1", cancellationToken: ct)) ?? 0;
        if (first < 0 || first > second || second > size) throw new RagException(ErrorKind.Invalid, $"There is no proof from {first} to {second}.", $"Choose two sizes, the smaller first, of at most {size}.");
        return new(first, second, await TreeReader.ConsistencyAsync(connection, null, first, second));
    }

    /// <summary>Newest first.</summary>
    public async Task<AuditCheckpointList> CheckpointsAsync(int limit, CancellationToken ct)
    {
        if (limit is < 1 or > MaxCheckpoints) throw new RagException(ErrorKind.Invalid, $"limit is {limit}.", $"Choose 1 to {MaxCheckpoints}.");
        await using var connection = await database.OpenAsync(ct);
        var rows = await connection.QueryAsync<(long Size, long SignedAt, long? OutsideAt, string Note)>(new CommandDefinition("SELECT size, signed_at, outside_at, note FROM audit_checkpoints ORDER BY size DESC LIMIT @limit", new { limit }, cancellationToken: ct));
        return new([.. rows.Select(r => new AuditCheckpointView(r.Size, Clock.FromMicroseconds(r.SignedAt), r.OutsideAt is { } at ? Clock.FromMicroseconds(at) : null, r.Note))]);
    }

    /// <summary>A few rows, found by their places: it may be asked often.</summary>
    public async Task<AuditStanding> StandingAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var newest = await LastAsync("");
        var outside = await LastAsync("WHERE outside_at IS NOT NULL");
        var uncovered = await connection.QueryAsync<long?>(new CommandDefinition(
            """
            SELECT (SELECT at FROM audit_records WHERE leaf_index >= @Size ORDER BY leaf_index LIMIT 1)
            UNION ALL SELECT (SELECT at FROM audit_records WHERE leaf_index IS NULL ORDER BY no LIMIT 1)
            """, new { outside.Size }, cancellationToken: ct));
        return new(newest.Size, At(newest.SignedAt), At(outside.OutsideAt), At(uncovered.Min()));

        async Task<(long Size, long? SignedAt, long? OutsideAt)> LastAsync(string where) => await connection.QuerySingleOrDefaultAsync<(long, long?, long?)>(new CommandDefinition(
            $"SELECT size, signed_at, outside_at FROM audit_checkpoints {where} ORDER BY size DESC LIMIT 1", cancellationToken: ct));

        static DateTimeOffset? At(long? microseconds) => microseconds is { } at ? Clock.FromMicroseconds(at) : null;
    }

    public AuditKeyView Key => new(tree.Key.Name, tree.Key.ToString(), keys.PublicKeyPem);

    /// <summary>The newest checkpoint that is signed with this key; null where there is none.</summary>
    public async Task<(string Note, Checkpoint? Checkpoint)> NewestAsync(DbConnection connection, CancellationToken ct)
    {
        string? note = await connection.QuerySingleOrDefaultAsync<string>(new CommandDefinition("SELECT note FROM audit_checkpoints ORDER BY size DESC LIMIT 1", cancellationToken: ct));
        return note is null ? ("", null) : (note, Checkpoint.Open(note, tree.Key));
    }

    /// <summary>The newest checkpoint as it was signed; null where there is none.</summary>
    public async Task<string?> NewestNoteAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return await NewestAsync(connection, ct) is { Checkpoint: not null } newest ? newest.Note : null;
    }

    /// <summary>Pseudonyms that an actor is written under: one, or several of different kinds.</summary>
    public static async Task<string[]> SubjectsAsync(DbConnection connection, string actor, CancellationToken ct) => [.. await connection.QueryAsync<string>(new CommandDefinition(
        "SELECT id FROM audit_subjects WHERE id = @actor OR owner = @actor OR substr(owner, length(owner) - length(@tail) + 1) = @tail ORDER BY created_at DESC LIMIT @MaxSubjects", new { actor, tail = ":" + actor, MaxSubjects }, cancellationToken: ct))];

    private static async Task<Row> RowAsync(DbConnection connection, string id, CancellationToken ct) => await connection.QuerySingleOrDefaultAsync<Row>(new CommandDefinition(
        $"SELECT {Columns} FROM audit_records r LEFT JOIN audit_subjects s ON s.id = r.subject WHERE r.id = @id", new { id }, cancellationToken: ct))
        ?? throw new RagException(ErrorKind.NotFound, $"There is no audit record '{id}'.", "'rag audit list' shows them with their ids.");

    private AuditRecordView View(Row r)
    {
        JsonElement? ocsf = Open(keys, r.Envelope, r.Subject, r.Wrapped);
        AuditActorView? actor = null;
        if (ocsf is { } e)
        {
            var user = e.GetProperty("actor").GetProperty("user");
            actor = new(user.GetProperty("type").GetString()!, user.GetProperty("uid").GetString()!, user.GetProperty("name").GetString()!, e.GetProperty("src_endpoint").TryGetProperty("ip", out var ip) ? ip.GetString() : null);
        }
        return new(r.Id, Clock.FromMicroseconds(r.At), r.Category, r.Action, r.Outcome, r.Subject, actor, r.Resource, r.LeafIndex is >= 0 ? r.LeafIndex : null, r.Wrapped is null, ocsf);
    }

    /// <summary>The event; null where the subject was erased, or where record and key do not fit, which verification says.</summary>
    internal static JsonElement? Open(AuditKeys keys, byte[] bytes, string subject, byte[]? wrapped) =>
        wrapped is not null && keys.Unwrap(subject, wrapped) is { } key && Envelope.Parse(bytes) is { } envelope && envelope.Open(Envelope.RecordKey(key, envelope.Id)) is { } ocsf ? Parse(ocsf) : null;

    internal static JsonElement Parse(byte[] json)
    {
        using var document = JsonDocument.Parse(json);
        return document.RootElement.Clone();
    }

    private static Dictionary<string, string> Details(AuditFilter f)
    {
        var details = new Dictionary<string, string>();
        foreach (var (key, value) in new[] { ("category", f.Category), ("action", f.Action), ("actor", f.Actor), ("resource", f.Resource), ("outcome", f.Outcome), ("since", f.Since?.ToString("O")), ("until", f.Until?.ToString("O")) })
            if (value is not null) details[key] = value;
        return details;
    }

    private sealed class Row
    {
        public long No { get; set; }
        public string Id { get; set; } = "";
        public long At { get; set; }
        public string Category { get; set; } = "";
        public string Action { get; set; } = "";
        public string Outcome { get; set; } = "";
        public string Subject { get; set; } = "";
        public string? Resource { get; set; }
        public byte[] Envelope { get; set; } = [];
        public long? LeafIndex { get; set; }
        public byte[]? Wrapped { get; set; }
        public long? DestroyedAt { get; set; }
    }
}
