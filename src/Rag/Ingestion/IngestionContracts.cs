using System.Text.Json.Serialization;

namespace Rag.Ingestion;

/// <summary>A collection as the HTTP interface shows it.</summary>
public sealed record CollectionView(string Name, string Language, long Documents, long Chunks, long EmbeddedChunks, DateTimeOffset CreatedAt);

public sealed record CollectionList(IReadOnlyList<CollectionView> Collections);

/// <param name="Language">Language of full text; english when absent.</param>
public sealed record CollectionRequest(string? Language = null);

/// <summary>A document as the HTTP interface shows it; <c>text_chars</c> counts UTF-16 code units.</summary>
public sealed record DocumentView(
    string Id, string Collection, string Uri, string Title, string MediaType, long Version, long SizeBytes, long TextChars, long Chunks,
    IReadOnlyDictionary<string, string> Metadata, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, IReadOnlyList<VersionView>? Versions = null);

public sealed record VersionView(long Version, string Title, string Sha256, long SizeBytes, DateTimeOffset CreatedAt);

/// <param name="Next">Give it as <c>after</c> for the next page; absent on the last.</param>
public sealed record DocumentList(IReadOnlyList<DocumentView> Documents, string? Next);

/// <summary>What became of one file: <c>created</c>, <c>updated</c>, <c>unchanged</c>, or <c>failed</c> with reason and message.</summary>
public sealed record IngestedFile(string Uri, string Status, string? Id, long? Version, string? Title, string? Reason, string? Message);

/// <param name="Position">Change-log position of the last write: give it as <c>wait_for</c> to find what was written.</param>
public sealed record IngestResponse(IReadOnlyList<IngestedFile> Files, long? Position);

public sealed record DeleteResponse(long Position);

/// <summary>A document as JSON: text and what to call it.</summary>
/// <param name="Uri">Its name within the collection; sending it again replaces it.</param>
public sealed record TextDocument(string? Uri, string? Text, string? Title = null, Dictionary<string, string>? Metadata = null);

/// <summary>One document, or many.</summary>
public sealed record TextDocuments(
    IReadOnlyList<TextDocument>? Documents, string? Uri = null, string? Text = null, string? Title = null, Dictionary<string, string>? Metadata = null);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(CollectionList))]
[JsonSerializable(typeof(CollectionView))]
[JsonSerializable(typeof(DocumentView))]
[JsonSerializable(typeof(CollectionRequest))]
[JsonSerializable(typeof(DocumentList))]
[JsonSerializable(typeof(IngestResponse))]
[JsonSerializable(typeof(DeleteResponse))]
[JsonSerializable(typeof(TextDocuments))]
internal sealed partial class IngestionJson : JsonSerializerContext;
