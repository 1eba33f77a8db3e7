using System.Data.Common;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Dapper;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Audit;

/// <summary>
/// The record as JSON Lines, up to the newest checkpoint, in a form that <see cref="ExportVerifier"/> checks without a server:
/// a header with the checkpoint; each record with its envelope, its event and the key that opens this envelope alone; where a
/// filter leaves records out their hashes; where records expired the hashes of their subtrees; and an end.
/// </summary>
internal sealed class AuditExport(Database database, AuditKeys keys, AuditTrail audit, AuditQuery query, TimeProvider time)
{
    public const int Version = 1;

    private const int Page = 500;

    /// <param name="ready">Called once nothing stands in the way; then it is written.</param>
    /// <exception cref="RagException">Invalid: there is no such category; Conflict: nothing is signed yet, or the record is damaged.</exception>
    public async Task WriteAsync(Func<Stream> ready, DateTimeOffset? from, DateTimeOffset? to, string? category, CancellationToken ct)
    {
        if (category is not null && !AuditCategory.All.Contains(category)) throw new RagException(ErrorKind.Invalid, $"'{category}' is not a category.", $"Use one of {string.Join(", ", AuditCategory.All)}.");
        var details = new Dictionary<string, string>();
        foreach (var (key, value) in new[] { ("from", from?.ToString("O")), ("to", to?.ToString("O")), ("category", category) })
            if (value is not null) details[key] = value;
        await audit.RecordAsync(new(AuditCategory.Privileged, "audit.export", "audit", details), ct);
        await using var connection = await database.OpenAsync(ct);
        var (note, checkpoint) = await query.NewestAsync(connection, ct);
        if (checkpoint is null) throw new RagException(ErrorKind.Conflict, "Nothing of the audit record is signed yet.", "Try again in a minute; Audit:CheckpointSeconds says how often a checkpoint is signed.");
        var output = ready();
        await LineAsync(output, new(Version, query.Key.Origin, checkpoint.Size, note, time.GetUtcNow(), from, to, category), AuditJson.Default.ExportHeader, ct);
        var (first, last) = (from is { } f ? Clock.ToMicroseconds(f) : long.MinValue, to is { } t ? Clock.ToMicroseconds(t) : long.MaxValue);
        long records = 0;
        var left = new List<byte[]>();
        long next = 0;
        foreach (var (begin, end) in await ExpiredAsync(connection, ct))
        {
            await RecordsAsync(begin);
            foreach (var (level, place) in Merkle.Subtrees(begin, end)) await LineAsync(output, new(Level: level, Place: place, Hash: await TreeReader.SubtreeAsync(connection, null, level, place)), AuditJson.Default.ExportLine, ct);
            next = end;
        }
        await RecordsAsync(checkpoint.Size);
        await LineAsync(output, new(checkpoint.Size, records), AuditJson.Default.ExportEnd, ct);

        async Task RecordsAsync(long until)
        {
            while (next < until)
            {
                var rows = (await connection.QueryAsync<Row>(new CommandDefinition(
                    """
                    SELECT r.at AS At, r.category AS Category, r.subject AS Subject, r.envelope AS Envelope, r.leaf_index AS LeafIndex, s.wrapped_key AS Wrapped
                    FROM audit_records r LEFT JOIN audit_subjects s ON s.id = r.subject WHERE r.leaf_index >= @next AND r.leaf_index < @end ORDER BY r.leaf_index
                    """, new { next, end = Math.Min(until, next + Page) }, cancellationToken: ct))).AsList();
                if (rows.Count == 0 || rows[0].LeafIndex != next) throw new RagException(ErrorKind.Conflict, $"Record {next} is missing.", "Look at it with 'rag audit verify'.");
                foreach (var row in rows)
                {
                    if (row.At >= first && row.At <= last && (category is null || row.Category == category))
                    {
                        await LeftAsync(row.LeafIndex);
                        await LineAsync(output, Line(row), AuditJson.Default.ExportLine, ct);
                        records++;
                    }
                    else left.Add(Merkle.Leaf(row.Envelope));
                    next = row.LeafIndex + 1;
                    if (left.Count == Page) await LeftAsync(next);
                }
            }
            await LeftAsync(next);
        }

        async Task LeftAsync(long place)
        {
            if (left.Count == 0) return;
            await LineAsync(output, new(First: place - left.Count, Hashes: left), AuditJson.Default.ExportLine, ct);
            left.Clear();
        }
    }

    private ExportLine Line(Row row)
    {
        if (row.Wrapped is null || keys.Unwrap(row.Subject, row.Wrapped) is not { } subjectKey || Envelope.Parse(row.Envelope) is not { } envelope) return new(row.LeafIndex, row.Envelope);
        byte[] key = Envelope.RecordKey(subjectKey, envelope.Id);
        return new(row.LeafIndex, row.Envelope, key, envelope.Open(key) is { } ocsf ? AuditQuery.Parse(ocsf) : null);
    }

    private static async Task<List<(long Begin, long End)>> ExpiredAsync(DbConnection connection, CancellationToken ct) =>
        (await connection.QueryAsync<(long, long)>(new CommandDefinition("SELECT first_leaf, end_leaf FROM audit_segments WHERE expired_at IS NOT NULL ORDER BY first_leaf", cancellationToken: ct))).AsList();

    private static async Task LineAsync<T>(Stream output, T line, JsonTypeInfo<T> type, CancellationToken ct)
    {
        await JsonSerializer.SerializeAsync(output, line, type, ct);
        await output.WriteAsync("\n"u8.ToArray(), ct);
    }

    private sealed class Row
    {
        public long At { get; set; }
        public string Category { get; set; } = "";
        public string Subject { get; set; } = "";
        public byte[] Envelope { get; set; } = [];
        public long LeafIndex { get; set; }
        public byte[]? Wrapped { get; set; }
    }
}
