using System.Data.Common;
using System.Security.Cryptography;
using System.Text;
using Dapper;
using Rag.Access;
using Rag.Audit;
using Rag.Foundation;
using Rag.Ingestion;
using Rag.Storage;

namespace Rag.Security;

/// <summary>
/// Documents that nobody has a reason to read. Whoever is shown the words of one is an event: an answer cites it, somebody
/// opens it, or a search has it first, which is what somebody gets who looked for it. That it was retrieved and not shown, or
/// stands in a list or further down among the hits of another search, is none.
/// </summary>
internal sealed class Canaries(Database database, RecordState state, Collections collections, DocumentRecord documents, Ingestor ingestor, AuditTrail audit, TimeProvider time)
{
    public const int MaxCanaries = 1_000, MaxChars = 200, MaxTextChars = 20_000;

    /// <summary>After this time every replica knows a new canary.</summary>
    public static readonly TimeSpan RefreshEvery = TimeSpan.FromSeconds(5);

    private volatile IReadOnlyDictionary<string, Canary> _known = new Dictionary<string, Canary>();
    private long _readAt;

    /// <summary>The canary whose words were shown; null where there is none.</summary>
    public Canary? Shown(DataAccess access)
    {
        var known = _known;
        if (known.Count == 0) return null;
        var read = access.How switch { "ask" or "read" => access.Documents, "search" => access.Documents.Take(1), _ => [] };
        return read.Select(d => known.GetValueOrDefault(d)).FirstOrDefault(c => c is not null);
    }

    /// <summary>Marks a document that is there, or makes one.</summary>
    /// <exception cref="RagException">NotFound: no such collection or document; Invalid: texts out of bounds; Conflict: too many, or already one.</exception>
    public async Task<Canary> AddAsync(NewCanary wanted, CancellationToken ct)
    {
        string note = Line(wanted.Note ?? "", "note"), title = Line(wanted.Title ?? "", "title");
        if (wanted.Document is null == (title.Length == 0)) throw new RagException(ErrorKind.Invalid, "A canary is a document that is there, or one that is to be made.", "Name the document, or give a title for a new one, not both.");
        var collection = await collections.GetAsync(wanted.Collection, ct);
        var document = wanted.Document is { } id ? await documents.GetAsync(collection, id, Caller.Current.Scope, ct) : await MakeAsync(collection, title, wanted.Text, ct);
        var canary = new Canary(document.Id, collection.Name, document.Title, note, time.GetUtcNow(), Actor.Current.Name);
        await database.WriteAsync(async tx =>
        {
            if (await tx.Connection!.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM canaries", null, tx) >= MaxCanaries) throw new RagException(ErrorKind.Conflict, $"There are {MaxCanaries} canaries already.", "Remove some: 'rag security canary list'.");
            int added = await tx.Connection!.ExecuteAsync(
                "INSERT INTO canaries (document_id, collection_id, collection, title, note, added_at, added_by) VALUES (@Document, @collectionId, @Collection, @Title, @Note, @at, @AddedBy) ON CONFLICT (document_id) DO NOTHING",
                new { canary.Document, collectionId = collection.Id, canary.Collection, canary.Title, canary.Note, at = Clock.ToMicroseconds(canary.AddedAt), canary.AddedBy }, tx);
            if (added == 0) throw new RagException(ErrorKind.Conflict, $"'{canary.Title}' is a canary already.", "There is nothing to do.");
            await audit.AppendAsync(tx, AuditEvent.Administrative("security.canary_add", $"document:{canary.Document}", new Dictionary<string, string> { ["collection"] = canary.Collection }));
        }, ct);
        await ReadAsync(ct);
        return canary;
    }

    /// <summary>Reading it is no event any more; the document stays.</summary>
    /// <exception cref="RagException">NotFound: it is no canary.</exception>
    public async Task RemoveAsync(string document, CancellationToken ct)
    {
        await database.WriteAsync(async tx =>
        {
            if (await tx.Connection!.ExecuteAsync("DELETE FROM canaries WHERE document_id = @document", new { document }, tx) == 0)
                throw new RagException(ErrorKind.NotFound, $"'{document}' is not a canary.", "'rag security canary list' shows them.");
            await audit.AppendAsync(tx, AuditEvent.Administrative("security.canary_remove", $"document:{document}"));
        }, ct);
        await ReadAsync(ct);
    }

    public async Task<CanaryList> ListAsync(CancellationToken ct) => new([.. (await ReadAsync(ct)).Values.OrderByDescending(c => c.AddedAt).ThenBy(c => c.Document, StringComparer.Ordinal)]);

    /// <summary>Reads them anew where that is due; keeps what it has while the record is away.</summary>
    public async Task RefreshAsync(CancellationToken ct)
    {
        if (state.Away || (_readAt != 0 && time.GetElapsedTime(_readAt) < RefreshEvery)) return;
        try
        {
            await ReadAsync(ct);
        }
        catch (Exception e) when (e is RagException or DbException)
        {
            // Those say so that need the record.
        }
    }

    private async Task<IReadOnlyDictionary<string, Canary>> ReadAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var rows = await connection.QueryAsync<Row>(new CommandDefinition(
            "SELECT document_id AS Document, collection AS Collection, title AS Title, note AS Note, added_at AS AddedAt, added_by AS AddedBy FROM canaries", cancellationToken: ct));
        _readAt = time.GetTimestamp();
        return _known = rows.ToDictionary(r => r.Document, r => new Canary(r.Document, r.Collection, r.Title, r.Note, Clock.FromMicroseconds(r.AddedAt), r.AddedBy));
    }

    private async Task<DocumentInfo> MakeAsync(Collection collection, string title, string? text, CancellationToken ct)
    {
        if (text?.Length > MaxTextChars) throw new RagException(ErrorKind.Invalid, $"The text has {text.Length} characters.", $"Use at most {MaxTextChars}.");
        // A number that stands nowhere else says of a copy of the text where it came from.
        string unique = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6));
        string body = text ?? $"{title}. Reference {unique}. For the persons named in the register only. Whoever finds this document by accident closes it and reports the reference {unique} to the owner of the collection.";
        string uri = $"register/{unique}.txt";
        await foreach (var outcome in ingestor.IngestAsync(collection, new IncomingFile(uri, Encoding.UTF8.GetBytes(body), Title: title), ct))
            if (outcome is { Status: IngestOutcome.Failed }) throw new RagException(ErrorKind.Invalid, $"The document cannot be made: {outcome.Message}", "Give another title or text.");
        return await documents.FindByUriAsync(collection.Id, uri, ct) ?? throw new RagException(ErrorKind.Unavailable, "The document is not there after it was made.", "Try again.");
    }

    private sealed record Row(string Document, string Collection, string Title, string Note, long AddedAt, string AddedBy);

    private static string Line(string text, string what)
    {
        string line = string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c)).Trim();
        return line.Length <= MaxChars ? line : throw new RagException(ErrorKind.Invalid, $"'{what}' has {line.Length} characters.", $"Use at most {MaxChars}.");
    }
}
