using System.Text.Json;
using Dapper;
using Rag.Audit;
using Rag.Foundation;
using Rag.Storage;
using Rag.Storage.Leadership;

namespace Rag.Compliance;

/// <summary>Which reviews are due, and those that were done: each with what was looked at, word for word, and its digest.</summary>
internal sealed class ReviewBook(Database database, AuditTrail audit, IEnumerable<IReviewSource> sources, ComplianceOptions options, TimeProvider time)
{
    private const int MaxNotes = 4_000, MaxList = 500;

    private const string Columns = "id AS Id, name AS Name, done_at AS DoneAt, done_by AS DoneBy, state AS State, summary AS Summary, notes AS Notes, evidence_sha256 AS EvidenceSha256, evidence AS Evidence";

    private readonly Dictionary<string, IReviewSource> _sources = sources.ToDictionary(s => s.Review);

    private sealed record Row(string Id, string Name, long DoneAt, string DoneBy, string State, string Summary, string Notes, string EvidenceSha256, string Evidence);

    /// <summary>What a review of that name looks at now.</summary>
    public async Task<ReviewEvidence> GatherAsync(string name, CancellationToken ct) => await _sources[Find(name).Name].GatherAsync((await LastAsync(name, ct))?.DoneAt, ct);

    /// <summary>Writes down that somebody looked, with what there was to see at this moment.</summary>
    public async Task<DoneReview> DoneAsync(string name, string? notes, CancellationToken ct)
    {
        var kind = Find(name);
        if (notes?.Length > MaxNotes) throw new RagException(ErrorKind.Invalid, $"The notes have more than {MaxNotes} characters.", "Shorten them; what was looked at is kept without them.");
        var evidence = await GatherAsync(name, ct);
        if (evidence.State != ReviewState.InOrder && string.IsNullOrWhiteSpace(notes))
            throw new RagException(ErrorKind.Invalid, $"The review '{kind.Name}' found something to decide: {evidence.Summary}", "Say with --notes what was decided about it.");
        string body = JsonSerializer.Serialize(evidence, ComplianceJson.Default.ReviewEvidence);
        var done = new Row(Ids.New(time), kind.Name, time.Microseconds(), Actor.Current.Name, evidence.State, evidence.Summary, notes?.Trim() ?? "", Sha256.Hex(body), body);
        await database.WriteAsync(async tx =>
        {
            await tx.Connection!.ExecuteAsync(
                "INSERT INTO reviews (id, name, done_at, done_by, state, summary, notes, evidence, evidence_sha256) VALUES (@Id, @Name, @DoneAt, @DoneBy, @State, @Summary, @Notes, @Evidence, @EvidenceSha256)", done, tx);
            await audit.AppendAsync(tx, AuditEvent.Administrative("review.done", $"review:{kind.Name}", new Dictionary<string, string> { ["id"] = done.Id, ["state"] = done.State, ["evidence_sha256"] = done.EvidenceSha256 }));
        }, ct);
        return View(done, whole: true);
    }

    public async Task<IReadOnlyList<ReviewStatus>> StatusAsync(CancellationToken ct)
    {
        var now = time.GetUtcNow();
        await using var connection = await database.OpenAsync(ct);
        var since = (await connection.QueryAsync<(string Name, long Since)>(new CommandDefinition("SELECT name, since FROM review_schedule", cancellationToken: ct))).ToDictionary(s => s.Name, s => s.Since);
        var last = (await connection.QueryAsync<Row>(new CommandDefinition(
            $"SELECT {Columns} FROM reviews r WHERE done_at = (SELECT MAX(done_at) FROM reviews o WHERE o.name = r.name)", cancellationToken: ct))).ToLookup(r => r.Name);
        return
        [
            .. ReviewKind.All.Select(kind =>
            {
                double days = kind.Days(options.Reviews);
                var row = last[kind.Name].FirstOrDefault();
                var due = Clock.FromMicroseconds(row?.DoneAt ?? since.GetValueOrDefault(kind.Name, time.Microseconds())).AddDays(days);
                return new ReviewStatus(kind.Name, kind.Title, kind.Asks, days, due, due < now, row is null ? null : View(row, whole: false));
            }),
        ];
    }

    /// <summary>Reviews done in a time, oldest first.</summary>
    public async Task<IReadOnlyList<DoneReview>> DoneBetweenAsync(DateTimeOffset from, DateTimeOffset to, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return [.. (await connection.QueryAsync<Row>(new CommandDefinition(
            $"SELECT {Columns} FROM reviews WHERE done_at >= @from AND done_at < @to ORDER BY done_at, id LIMIT @MaxList",
            new { from = Clock.ToMicroseconds(from), to = Clock.ToMicroseconds(to), MaxList }, cancellationToken: ct))).Select(r => View(r, whole: false))];
    }

    public async Task<DoneReview> GetAsync(string id, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var row = await connection.QuerySingleOrDefaultAsync<Row>(new CommandDefinition($"SELECT {Columns} FROM reviews WHERE id = @id", new { id }, cancellationToken: ct));
        return row is null ? throw new RagException(ErrorKind.NotFound, $"There is no review '{id}'.", "'rag reviews list' shows those that were done last.") : View(row, whole: true);
    }

    /// <summary>Reviews are counted from when the service was set up; the leader's work, done once.</summary>
    public Task BeginAsync(LeaderTerm term, CancellationToken ct) => term.WriteAsync(tx => tx.Connection!.ExecuteAsync(
        "INSERT INTO review_schedule (name, since) VALUES (@Name, @since) ON CONFLICT (name) DO NOTHING", ReviewKind.All.Select(k => new { k.Name, since = time.Microseconds() }), tx), ct);

    private async Task<DoneReview?> LastAsync(string name, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var row = await connection.QueryFirstOrDefaultAsync<Row>(new CommandDefinition($"SELECT {Columns} FROM reviews WHERE name = @name ORDER BY done_at DESC LIMIT 1", new { name }, cancellationToken: ct));
        return row is null ? null : View(row, whole: false);
    }

    private static ReviewKind Find(string name) => ReviewKind.All.FirstOrDefault(k => k.Name == name)
        ?? throw new RagException(ErrorKind.NotFound, $"There is no review '{name}'.", $"Use one of {string.Join(", ", ReviewKind.All.Select(k => k.Name))}.");

    private static DoneReview View(Row r, bool whole) => new(
        r.Id, r.Name, Clock.FromMicroseconds(r.DoneAt), r.DoneBy, r.State, r.Summary, r.Notes, r.EvidenceSha256, whole ? JsonSerializer.Deserialize(r.Evidence, ComplianceJson.Default.ReviewEvidence) : null);
}
