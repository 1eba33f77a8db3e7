using Dapper;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Audit;

/// <summary>How often one actor did one thing in a time.</summary>
/// <param name="Actor">Kind and name, or the pseudonym where the subject was erased.</param>
/// <param name="FirstLeaf">Places in the tree of the first and the last; null while they have none.</param>
internal sealed record ActionCount(string Actor, string Action, string Outcome, long Count, DateTimeOffset First, DateTimeOffset Last, long? FirstLeaf, long? LastLeaf);

/// <summary>Counts the record for reports: by who, what and how it went.</summary>
internal sealed class AuditSummary(Database database, AuditKeys keys)
{
    private sealed class Row
    {
        public string Subject { get; set; } = "";
        public string Action { get; set; } = "";
        public string Outcome { get; set; } = "";
        public long Count { get; set; }
        public long First { get; set; }
        public long Last { get; set; }
        public long? FirstLeaf { get; set; }
        public long? LastLeaf { get; set; }
        public long Newest { get; set; }
    }

    private sealed record Named(long No, string Subject, byte[] Envelope, byte[]? Wrapped);

    /// <summary>Most frequent first; at most <paramref name="limit"/>, and how many there are.</summary>
    public async Task<(IReadOnlyList<ActionCount> Rows, long Groups, long Records)> CountAsync(string category, DateTimeOffset from, DateTimeOffset to, int limit, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var all = (await connection.QueryAsync<Row>(new CommandDefinition(
            """
            SELECT subject AS Subject, action AS Action, outcome AS Outcome, COUNT(*) AS Count, MIN(at) AS First, MAX(at) AS Last,
                   MIN(CASE WHEN leaf_index >= 0 THEN leaf_index END) AS FirstLeaf, MAX(CASE WHEN leaf_index >= 0 THEN leaf_index END) AS LastLeaf, MAX(no) AS Newest
            FROM audit_records WHERE category = @category AND at >= @from AND at < @to GROUP BY subject, action, outcome ORDER BY COUNT(*) DESC, subject, action
            """, new { category, from = Clock.ToMicroseconds(from), to = Clock.ToMicroseconds(to) }, commandTimeout: Database.LongCommandSeconds, cancellationToken: ct))).AsList();
        var shown = all.Take(limit).ToList();
        var names = new Dictionary<string, string>();
        foreach (var row in shown.DistinctBy(r => r.Subject))
        {
            var named = await connection.QuerySingleOrDefaultAsync<Named>(new CommandDefinition(
                "SELECT r.no AS No, r.subject AS Subject, r.envelope AS Envelope, s.wrapped_key AS Wrapped FROM audit_records r LEFT JOIN audit_subjects s ON s.id = r.subject WHERE r.no = @Newest", new { row.Newest }, cancellationToken: ct));
            names[row.Subject] = named is not null && AuditQuery.Open(keys, named.Envelope, named.Subject, named.Wrapped) is { } e && e.GetProperty("actor").GetProperty("user") is var user
                ? $"{user.GetProperty("type").GetString()} {user.GetProperty("name").GetString()}" : $"erased ({row.Subject})";
        }
        return ([.. shown.Select(r => new ActionCount(names[r.Subject], r.Action, r.Outcome, r.Count, Clock.FromMicroseconds(r.First), Clock.FromMicroseconds(r.Last), r.FirstLeaf, r.LastLeaf))], all.Count, all.Sum(r => r.Count));
    }
}
