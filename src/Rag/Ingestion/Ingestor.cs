using System.Diagnostics;
using System.Text;
using Microsoft.Extensions.Logging;
using Rag.Access;
using Rag.Audit;
using Rag.Foundation;
using Rag.Inference;
using Rag.Ingestion.Parsing;

namespace Rag.Ingestion;

/// <summary>What became of one file. Failed outcomes carry a reason (a word) and a message (a sentence for the person who sent it).</summary>
internal sealed record IngestOutcome(
    string Uri, string Status, string? Id = null, long? Version = null, long? Position = null, string? Title = null, string? Reason = null, string? Message = null)
{
    public const string Created = "created", Updated = "updated", Unchanged = "unchanged", Failed = "failed";
}

/// <summary>A file as it was sent. <paramref name="Title"/> and <paramref name="Metadata"/> go before what the file says of itself.</summary>
/// <param name="Key">Names the request, which may be sent again; null where nothing does.</param>
/// <param name="Groups">What to limit it to, from <see cref="DocumentGroups.Given"/>; null leaves that as it is, and a new document to everybody.</param>
internal sealed record IncomingFile(
    string Uri, ReadOnlyMemory<byte> Content, string? Title = null, IReadOnlyDictionary<string, string>? Metadata = null, string? DocumentId = null, string? Key = null,
    IReadOnlyList<string>? Groups = null);

/// <summary>
/// Takes files in: recognises what it has already, parses, chunks, records. A file that cannot be read is an outcome,
/// not an exception, and leaves what the record had of it in place.
/// </summary>
internal sealed class Ingestor(
    DocumentParser parser, DocumentWriter writer, DocumentRecord documents, Embedder embedder,
    IngestionOptions options, IngestionMetrics metrics, SecurityMetrics security, SecurityFeed feed, ILogger<Ingestor> log)
{
    /// <summary>An address is shown, listed and put into metrics-free logs; longer ones are refused.</summary>
    public const int MaxUriChars = 1024;

    /// <summary>Up to this length a parsed document waits for the disk without keeping another from being parsed; UTF-16 code units.</summary>
    private const int MakesRoomChars = 1_000_000;

    private readonly SemaphoreSlim _parsing = new(options.Parallelism, options.Parallelism);
    private readonly Chunker _chunker = new(embedder.CountTokens, embedder.MaxTokens);

    /// <summary>Takes a file, or each file of an archive, in; outcomes come as they are durable.</summary>
    public async IAsyncEnumerable<IngestOutcome> IngestAsync(Collection collection, IncomingFile file, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        var type = FileTypes.Detect(file.Uri, file.Content.Span);
        if (!type.IsArchive)
        {
            yield return await IngestOneAsync(collection, file, type, ct);
            yield break;
        }
        using var entries = ArchiveReader.Read(file.Content.ToArray(), options.Parsing).GetEnumerator();
        while (true)
        {
            IngestOutcome outcome;
            bool last = false;
            try
            {
                if (!entries.MoveNext()) yield break;
                var entry = entries.Current;
                string uri = $"{file.Uri}!/{entry.Name}";
                outcome = entry.Failure is { } failure ? Failed(uri, failure) : await IngestOneAsync(collection, new(uri, entry.Content, Key: file.Key, Groups: file.Groups), FileTypes.Detect(uri, entry.Content.Span), ct);
            }
            catch (ParseException e)
            {
                outcome = Failed(file.Uri, e);
                last = true;
            }
            yield return outcome;
            if (last) yield break;
        }
    }

    private async Task<IngestOutcome> IngestOneAsync(Collection collection, IncomingFile file, FileType type, CancellationToken ct)
    {
        if (file.Uri.Length is 0 or > MaxUriChars || file.Uri.Any(char.IsControl))
            return Failed(file.Uri, new ParseException("unsupported", $"the name must have 1 to {MaxUriChars} characters, none of them a control character. Rename the file."));
        long started = Stopwatch.GetTimestamp();
        string hash = Hash(file);
        var caller = Caller.Current;
        var known = await documents.FindByUriAsync(collection.Id, file.Uri, ct);
        // Addresses are the collection's: that one is taken is said, and nothing of what is there.
        if (known is not null && !caller.Scope.Shows(known.LimitedTo)) return Failed(file.Uri, new ParseException("forbidden", Hidden(file.Uri).Message + " " + Hidden(file.Uri).Remedy));
        if (known?.ContentHash == hash)
        {
            if (file.Groups is { } groups && !groups.SequenceEqual(known.LimitedTo))
            {
                long position = await documents.PermitAsync(collection, known, groups, caller.Scope, ct);
                metrics.Document(IngestOutcome.Updated);
                return new(file.Uri, IngestOutcome.Updated, known.Id, known.Version, position, known.Title);
            }
            metrics.Document(IngestOutcome.Unchanged);
            return new(file.Uri, IngestOutcome.Unchanged, known.Id, known.Version, null, known.Title);
        }
        await _parsing.WaitAsync(ct);
        bool parsing = true;
        try
        {
            var parsed = await parser.ParseAsync(file.Uri, file.Content, type, ct);
            metrics.Stage("parse", started);
            if (parsed.Blocks.Count == 0) return Failed(file.Uri, new ParseException("empty", "it holds no text. If it is a scan, recognise its text first (OCR)."));
            parsed = WithGiven(parsed, file);
            var prepared = Prepare(collection, file, hash, parsed);
            // A small document makes room for the next while it waits for the disk, so that many share a transaction. A
            // large one keeps its place until it is recorded: that bounds what is held in memory.
            if (parsed.Text.Length <= MakesRoomChars)
            {
                _parsing.Release();
                parsing = false;
            }
            return await RecordAsync(prepared, ct);
        }
        catch (ParseException e)
        {
            return Failed(file.Uri, e);
        }
        finally
        {
            if (parsing) _parsing.Release();
        }
    }

    /// <summary>Records a document that is parsed already; completes when it is durable.</summary>
    public Task<IngestOutcome> RecordAsync(Collection collection, IncomingFile file, string contentHash, ParsedDocument parsed, CancellationToken ct) =>
        RecordAsync(Prepare(collection, file, contentHash, parsed), ct);

    private PreparedDocument Prepare(Collection collection, IncomingFile file, string contentHash, ParsedDocument parsed)
    {
        long chunking = Stopwatch.GetTimestamp();
        var chunks = _chunker.Chunk(parsed);
        metrics.Stage("chunk", chunking);
        return new(collection, file.DocumentId, file.Uri, contentHash, file.Content.Length, parsed, chunks, file.Key, file.Groups, Caller.Current);
    }

    private async Task<IngestOutcome> RecordAsync(PreparedDocument document, CancellationToken ct)
    {
        long recording = Stopwatch.GetTimestamp();
        var written = await writer.WriteAsync(document, ct);
        metrics.Stage("record", recording);
        string status = written.Seq is null ? IngestOutcome.Unchanged : written.Version == 1 ? IngestOutcome.Created : IngestOutcome.Updated;
        metrics.Document(status);
        if (written.Seq is not null) feed.Document(Audit.Actor.Current, document.Uri, document.Parsed.Text, [.. document.Parsed.Hidden.Select(h => KeyValuePair.Create(h.How, h.Text))]);
        return new(document.Uri, status, written.Id, written.Version, written.Seq, document.Parsed.Title);
    }

    private IngestOutcome Failed(string uri, ParseException e)
    {
        metrics.Document(IngestOutcome.Failed);
        if (e.Reason == "hostile") security.Event(SecurityPattern.HostileFile);
        else if (e.Reason == "too_large") security.Event(SecurityPattern.TooLarge);
        log.FileRefused(uri, e.Reason, e.Message);
        return new(uri, IngestOutcome.Failed, Reason: e.Reason, Message: e.Message);
    }

    /// <summary>A document is there that its new sender may not see.</summary>
    public static RagException Hidden(string uri) =>
        new(ErrorKind.Forbidden, $"The address '{uri}' is taken by a document that you are not shown.", "Choose another address, or ask to be taken into one of its groups.");

    private static ParsedDocument WithGiven(ParsedDocument parsed, IncomingFile file)
    {
        string title = file.Title is { Length: > 0 } given ? ParsedTextBuilder.Collapse(ParsedTextBuilder.Clean(given))
            : parsed.Title.Length > 0 ? parsed.Title
            : Path.GetFileNameWithoutExtension(file.Uri.Split('/', '\\')[^1]);
        if (title.Length > 500) title = title[..(char.IsHighSurrogate(title[499]) ? 499 : 500)];
        if (file.Metadata is not { Count: > 0 }) return parsed with { Title = title };
        var metadata = new Dictionary<string, string>(parsed.Metadata);
        foreach (var (key, value) in file.Metadata) metadata[key] = value;
        return parsed with { Title = title, Metadata = metadata };
    }

    /// <summary>Over the bytes and over what was said about them: a new title alone makes a new version too.</summary>
    private static string Hash(IncomingFile file)
    {
        string content = Sha256.Hex(file.Content.Span);
        if (file.Title is null && file.Metadata is not { Count: > 0 }) return content;
        var said = new StringBuilder(content).Append('\n').Append(file.Title);
        foreach (var (key, value) in (file.Metadata ?? new Dictionary<string, string>()).OrderBy(m => m.Key, StringComparer.Ordinal)) said.Append('\n').Append(key).Append('=').Append(value);
        return Sha256.Hex(said.ToString());
    }
}
