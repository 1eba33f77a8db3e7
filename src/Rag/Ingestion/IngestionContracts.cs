using System.Text.Json.Serialization;
using Rag.Foundation;

namespace Rag.Ingestion;

/// <summary>A collection as the HTTP interface shows it; its sizes count what the caller is shown.</summary>
public sealed record CollectionView(string Name, string Language, long Documents, long Chunks, long EmbeddedChunks, DateTimeOffset CreatedAt)
{
    internal static CollectionView Of(Collection c, CollectionCounts counts) => new(c.Name, c.Language, counts.Documents, counts.Chunks, counts.Embedded, Clock.FromMicroseconds(c.CreatedAt));
}

public sealed record CollectionList(IReadOnlyList<CollectionView> Collections);

/// <param name="Language">Language of full text; english when absent.</param>
public sealed record CollectionRequest(string? Language = null);

/// <summary>A document as the HTTP interface shows it; <c>text_chars</c> counts UTF-16 code units.</summary>
/// <param name="Groups">Groups that it is limited to; absent where it is for everybody who may read the collection.</param>
public sealed record DocumentView(
    string Id, string Collection, string Uri, string Title, string MediaType, long Version, long SizeBytes, long TextChars, long Chunks,
    IReadOnlyDictionary<string, string> Metadata, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, IReadOnlyList<string>? Groups = null, IReadOnlyList<VersionView>? Versions = null)
{
    internal static DocumentView Of(DocumentInfo d, Collection c) => new(
        d.Id, c.Name, d.Uri, d.Title, d.MediaType, d.Version, d.SizeBytes, d.TextChars, d.ChunkCount, DocumentRecord.ParseMetadata(d.Metadata),
        Clock.FromMicroseconds(d.CreatedAt), Clock.FromMicroseconds(d.UpdatedAt), d.Groups is null ? null : d.LimitedTo);
}

public sealed record VersionView(long Version, string Title, string Sha256, long SizeBytes, DateTimeOffset CreatedAt)
{
    internal static VersionView Of(VersionInfo v) => new(v.Version, v.Title, v.ContentHash, v.SizeBytes, Clock.FromMicroseconds(v.CreatedAt));
}

/// <param name="Next">Give it as <c>after</c> for the next page; absent on the last.</param>
public sealed record DocumentList(IReadOnlyList<DocumentView> Documents, string? Next);

/// <summary>What became of one file: <c>created</c>, <c>updated</c>, <c>unchanged</c>, or <c>failed</c> with reason and message.</summary>
public sealed record IngestedFile(string Uri, string Status, string? Id, long? Version, string? Title, string? Reason, string? Message);

/// <param name="Position">Change-log position of the last write: give it as <c>wait_for</c> to find what was written.</param>
/// <param name="Effective">Where groups were given: whether they hold on every replica; see <see cref="PermissionResponse"/>.</param>
public sealed record IngestResponse(IReadOnlyList<IngestedFile> Files, long? Position, bool? Effective = null, IReadOnlyList<string>? WaitingFor = null);

/// <param name="Effective">True: no replica shows any of it any more, in no answer either. False: the replicas of <paramref name="WaitingFor"/> may for now.</param>
public sealed record DeleteResponse(long Position, bool Effective, IReadOnlyList<string> WaitingFor);

/// <summary>Who is to be shown a document: <paramref name="Groups"/>, or, with <paramref name="Everybody"/>, all who may read the collection.</summary>
public sealed record PermissionRequest(IReadOnlyList<string>? Groups = null, bool Everybody = false);

/// <param name="Groups">Groups that the document is limited to now; none where it is for everybody.</param>
/// <param name="Effective">True: it holds on every replica, for answers that were kept, too. False: the replicas of <paramref name="WaitingFor"/> do not know of it yet.</param>
public sealed record PermissionResponse(string Id, IReadOnlyList<string> Groups, long Position, bool Effective, IReadOnlyList<string> WaitingFor);

/// <summary>A document as JSON: text and what to call it.</summary>
/// <param name="Uri">Its name within the collection; sending it again replaces it.</param>
/// <param name="Groups">Groups to limit it to; absent leaves that as it is, and a new document to everybody.</param>
public sealed record TextDocument(string? Uri, string? Text, string? Title = null, Dictionary<string, string>? Metadata = null, IReadOnlyList<string>? Groups = null);

/// <summary>One document, or many.</summary>
public sealed record TextDocuments(
    IReadOnlyList<TextDocument>? Documents, string? Uri = null, string? Text = null, string? Title = null, Dictionary<string, string>? Metadata = null, IReadOnlyList<string>? Groups = null);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(CollectionList))]
[JsonSerializable(typeof(CollectionView))]
[JsonSerializable(typeof(DocumentView))]
[JsonSerializable(typeof(CollectionRequest))]
[JsonSerializable(typeof(DocumentList))]
[JsonSerializable(typeof(IngestResponse))]
[JsonSerializable(typeof(DeleteResponse))]
[JsonSerializable(typeof(PermissionRequest))]
[JsonSerializable(typeof(PermissionResponse))]
[JsonSerializable(typeof(TextDocuments))]
internal sealed partial class IngestionJson : JsonSerializerContext;
