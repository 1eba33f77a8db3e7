using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;
using Rag.Access;
using Rag.Foundation;
using Rag.Maintenance;

namespace Rag.Ingestion;

internal static class IngestionEndpoints
{
    private const int MaxFilesPerRequest = 1_000;
    private const int MaxPage = 500;

    /// <summary>Enough for as many names of groups as a document may have, each of the greatest length.</summary>
    private const int MaxGroupsBytes = 65_536;

    public static IEndpointRouteBuilder MapIngestion(this IEndpointRouteBuilder routes)
    {
        var collections = routes.MapGroup("/v1/collections").WithTags("Collections");
        collections.MapGet("/", ListCollections).Needs(Role.Reader).WithSummary("All collections that the caller may read, with the sizes of what they are shown");
        collections.MapGet("/{name}", GetCollection).Needs(Role.Reader).WithSummary("One collection");
        collections.MapPut("/{name}", PutCollection).Needs(Role.Writer).RequireRateLimiting(LoadClass.Writes).RefusedWhileReadOnly().WithSummary("Make a collection, or change its language");
        collections.MapDelete("/{name}", DeleteCollection).Needs(Role.Writer).RequireRateLimiting(LoadClass.Writes).RefusedWhileReadOnly().WithSummary("Remove a collection and everything in it");

        var documents = routes.MapGroup("/v1/collections/{name}/documents").WithTags("Documents");
        documents.MapGet("/", ListDocuments).Needs(Role.Reader).WithSummary("Documents in the order of their addresses, a page at a time");
        documents.MapPost("/", PostDocuments).Needs(Role.Writer).WithMetadata(new RequestSizeLimitAttribute(LoadClass.MaxUploadBytes)).RequireRateLimiting(LoadClass.Writes).RefusedWhileReadOnly().WithSummary("Put documents in: multipart files, or JSON with text")
            .Accepts<TextDocuments>("application/json", "multipart/form-data").Produces<IngestResponse>().DisableAntiforgery();
        documents.MapGet("/{id}", GetDocument).Needs(Role.Reader).WithSummary("One document and its versions");
        documents.MapPut("/{id}", PutDocument).Needs(Role.Writer).WithMetadata(new RequestSizeLimitAttribute(LoadClass.MaxUploadBytes)).RequireRateLimiting(LoadClass.Writes).RefusedWhileReadOnly().WithSummary("Replace a document's content").Produces<IngestResponse>();
        documents.MapPut("/{id}/permissions", PutPermissions).Needs(Role.Writer).RequireRateLimiting(LoadClass.Writes).RefusedWhileReadOnly().WithSummary("Limit a document to groups; returns when no replica shows it to others");
        documents.MapDelete("/{id}", DeleteDocument).Needs(Role.Writer).RequireRateLimiting(LoadClass.Writes).RefusedWhileReadOnly().WithSummary("Remove a document: text, full text, vectors, cached answers");
        documents.MapGet("/{id}/text", GetText).Needs(Role.Reader).WithSummary("Extracted text of a version; spans count its UTF-16 code units").Produces<string>(contentType: "text/plain");
        return routes;
    }

    private static async Task<Ok<CollectionList>> ListCollections(Library library, CancellationToken ct)
    {
        var views = new List<CollectionView>();
        foreach (var c in await library.CollectionsAsync(ct)) views.Add(await ViewAsync(c, library, ct));
        return TypedResults.Ok(new CollectionList(views));
    }

    private static async Task<Ok<CollectionView>> GetCollection(string name, Library library, CancellationToken ct) =>
        TypedResults.Ok(await ViewAsync(await library.GetAsync(name, ct), library, ct));

    private static async Task<Ok<CollectionView>> PutCollection(string name, [FromBody] CollectionRequest? request, Library library, CancellationToken ct) =>
        TypedResults.Ok(await ViewAsync(await library.EnsureAsync(name, request?.Language, ct), library, ct));

    private static async Task<Ok<DeleteResponse>> DeleteCollection(string name, Library library, CancellationToken ct) =>
        TypedResults.Ok(Deleted(await library.DeleteCollectionAsync(name, ct)));

    private static async Task<Ok<DocumentList>> ListDocuments(string name, Library library, CancellationToken ct, string after = "", string prefix = "", int limit = 100)
    {
        if (limit is < 1 or > MaxPage) throw new RagException(ErrorKind.Invalid, $"limit is {limit}.", $"Choose 1 to {MaxPage}.");
        var collection = await library.GetAsync(name, ct);
        var rows = await library.ListAsync(collection, after, prefix, limit + 1, ct);
        library.Shown("list", collection, [.. rows.Take(limit)]);
        var page = rows.Take(limit).Select(d => DocumentView.Of(d, collection)).ToList();
        return TypedResults.Ok(new DocumentList(page, rows.Count > limit ? page[^1].Uri : null));
    }

    private static async Task<Ok<DocumentView>> GetDocument(string name, string id, Library library, DocumentRecord documents, CancellationToken ct)
    {
        var collection = await library.GetAsync(name, ct);
        var document = await library.GetAsync(collection, id, ct);
        library.Shown("read", collection, document);
        return TypedResults.Ok(DocumentView.Of(document, collection) with { Versions = (await documents.VersionsAsync(id, ct)).Select(VersionView.Of).ToList() });
    }

    private static async Task<ContentHttpResult> GetText(string name, string id, Library library, DocumentRecord documents, CancellationToken ct, long? version = null)
    {
        var collection = await library.GetAsync(name, ct);
        var document = await library.GetAsync(collection, id, ct);
        string text = await documents.TextAsync(id, version ?? document.Version, ct)
            ?? throw new RagException(ErrorKind.NotFound, $"Version {version} of document '{id}' is not kept.", $"The current version is {document.Version}.");
        library.Shown("read", collection, document);
        return TypedResults.Text(text, "text/plain; charset=utf-8", Encoding.UTF8);
    }

    private static async Task<Ok<DeleteResponse>> DeleteDocument(string name, string id, Library library, CancellationToken ct)
    {
        var collection = await library.GetToWriteAsync(name, ct);
        return TypedResults.Ok(Deleted(await library.DeleteAsync(await library.GetAsync(collection, id, ct), ct)));
    }

    private static async Task<Ok<PermissionResponse>> PutPermissions(string name, string id, PermissionRequest request, Library library, CancellationToken ct)
    {
        if (request.Everybody == (request.Groups is not null))
            throw new RagException(ErrorKind.Invalid, "The request must say either groups or everybody.", "Send {\"groups\": [\"…\"]}, or {\"everybody\": true}.");
        var groups = DocumentGroups.Given(request.Groups) ?? [];
        var collection = await library.GetToWriteAsync(name, ct);
        var effect = await library.PermitAsync(collection, await library.GetAsync(collection, id, ct), groups, ct);
        return TypedResults.Ok(new PermissionResponse(id, groups, effect.Position, effect.Everywhere, effect.Waiting));
    }

    private static DeleteResponse Deleted(Spread spread) => new(spread.Position, spread.Everywhere, spread.Waiting);

    private static async Task<Ok<IngestResponse>> PutDocument(string name, string id, HttpRequest request, Library library, Ingestor ingestor, IngestionOptions options, CancellationToken ct)
    {
        var collection = await library.GetToWriteAsync(name, ct);
        var document = await library.GetAsync(collection, id, ct);
        var content = await ReadBoundedAsync(request.Body, options.Parsing.MaxFileBytes, ct);
        return TypedResults.Ok(await IngestAsync(collection, [new(document.Uri, content)], ingestor, library, ct));
    }

    private static async Task<IResult> PostDocuments(string name, HttpRequest request, Library library, Ingestor ingestor, IdempotencyKeys keys, IngestionOptions options, CancellationToken ct)
    {
        var files = await ReadFilesAsync(request, options, ct);
        if (files.Count == 0) throw new RagException(ErrorKind.Invalid, "The request holds no file.", "Send multipart/form-data with files, or JSON with uri and text.");
        var collection = await library.EnsureAsync(name, language: null, ct);
        string? key = request.Headers["Idempotency-Key"];
        string hash = key is null ? "" : Sha256.Hex(name + "\n" + string.Join('\n', files.Select(f => f.Uri + " " + f.Title + " " + Sha256.Hex(f.Content.Span) + (f.Groups is null ? "" : " " + DocumentGroups.ToJson(f.Groups)))));
        if (key is not null && await keys.FindAsync(key, hash, ct) is { } kept) return TypedResults.Text(kept, "application/json; charset=utf-8");
        if (key is not null) files = files.ConvertAll(f => f with { Key = $"{key}/{hash}" });
        var response = await IngestAsync(collection, files, ingestor, library, ct);
        if (key is not null) await keys.KeepAsync(key, hash, JsonSerializer.Serialize(response, IngestionJson.Default.IngestResponse), ct);
        return TypedResults.Ok(response);
    }

    private static async Task<IngestResponse> IngestAsync(Collection collection, IReadOnlyList<IncomingFile> files, Ingestor ingestor, Library library, CancellationToken ct)
    {
        // Files go in side by side; each file's outcomes keep the place in which it was sent.
        var outcomes = await Task.WhenAll(files.Select(async file =>
        {
            var list = new List<IngestOutcome>();
            await foreach (var outcome in ingestor.IngestAsync(collection, file, ct)) list.Add(outcome);
            return list;
        }));
        var all = outcomes.SelectMany(o => o).ToList();
        var response = new IngestResponse(all.Select(o => new IngestedFile(o.Uri, o.Status, o.Id, o.Version, o.Title, o.Reason, o.Message)).ToList(), all.Max(o => o.Position));
        if (response.Position is not { } position || files.All(f => f.Groups is null)) return response;
        var effect = await library.EffectAsync(position, ct);
        return response with { Effective = effect.Everywhere, WaitingFor = effect.Waiting };
    }

    private static async Task<List<IncomingFile>> ReadFilesAsync(HttpRequest request, IngestionOptions options, CancellationToken ct)
    {
        if (request.HasJsonContentType()) return await ReadTextsAsync(request, ct);
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type) || !type.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase))
            throw new RagException(ErrorKind.Unsupported, $"The content type '{request.ContentType}' is not one that documents come in.", "Send multipart/form-data or application/json.");
        string boundary = HeaderUtilities.RemoveQuotes(type.Boundary).Value ?? throw new RagException(ErrorKind.Invalid, "The multipart content type has no boundary.", "Let your HTTP library set the header.");
        var reader = new MultipartReader(boundary, request.Body);
        var files = new List<IncomingFile>();
        List<string>? groups = null;
        long total = 0;
        while (await reader.ReadNextSectionAsync(ct) is { } section)
        {
            if (!ContentDispositionHeaderValue.TryParse(section.ContentDisposition, out var disposition)) continue;
            if (disposition.IsFormDisposition() && HeaderUtilities.RemoveQuotes(disposition.Name).Equals("groups", StringComparison.Ordinal))
            {
                (groups ??= []).AddRange(DocumentGroups.Lines(Encoding.UTF8.GetString((await ReadBoundedAsync(section.Body, MaxGroupsBytes, ct)).Span)));
                continue;
            }
            if (!disposition.IsFileDisposition()) continue;
            if (files.Count == MaxFilesPerRequest) throw new RagException(ErrorKind.TooLarge, $"The request holds more than {MaxFilesPerRequest} files.", "Send them in several requests, or as a ZIP archive.");
            string fileName = HeaderUtilities.RemoveQuotes(disposition.FileNameStar.HasValue ? disposition.FileNameStar : disposition.FileName).Value ?? "";
            var content = await ReadBoundedAsync(section.Body, options.Parsing.MaxFileBytes - total, ct);
            total += content.Length;
            // A web address is a name as it stands; a path loses what could lead out of a folder.
            bool web = Uri.TryCreate(fileName, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https";
            files.Add(new(web ? uri!.AbsoluteUri : Parsing.ArchiveReader.SafeName(fileName), content));
        }
        // One list for the whole form, wherever in it the field stands.
        var given = DocumentGroups.Given(groups);
        return files.ConvertAll(f => f with { Groups = given });
    }

    private static async Task<List<IncomingFile>> ReadTextsAsync(HttpRequest request, CancellationToken ct)
    {
        var body = await JsonSerializer.DeserializeAsync(request.Body, IngestionJson.Default.TextDocuments, ct);
        var documents = body?.Documents ?? (body?.Text is null ? [] : [new TextDocument(body.Uri, body.Text, body.Title, body.Metadata, body.Groups)]);
        if (documents.Count > MaxFilesPerRequest) throw new RagException(ErrorKind.TooLarge, $"The request holds more than {MaxFilesPerRequest} documents.", "Send them in several requests.");
        return documents.Select((d, i) => new IncomingFile(
            d.Uri is { Length: > 0 } uri ? uri : throw new RagException(ErrorKind.Invalid, $"Document {i + 1} has no uri.", "Give each document the name by which it is replaced later."),
            Encoding.UTF8.GetBytes(d.Text ?? ""), d.Title, d.Metadata, Groups: DocumentGroups.Given(d.Groups))).ToList();
    }

    private static async Task<ReadOnlyMemory<byte>> ReadBoundedAsync(Stream body, long maxBytes, CancellationToken ct)
    {
        using var buffer = new MemoryStream();
        byte[] block = new byte[81_920];
        int read;
        while ((read = await body.ReadAsync(block, ct)) > 0)
        {
            if (buffer.Length + read > maxBytes)
                throw new RagException(ErrorKind.TooLarge, $"The request holds more than {maxBytes / 1_000_000.0:0.#} MB of files.", "Send fewer files at a time; Ingestion:Parsing:MaxFileBytes sets the bound.");
            buffer.Write(block, 0, read);
        }
        return buffer.GetBuffer().AsMemory(0, (int)buffer.Length);
    }

    private static async Task<CollectionView> ViewAsync(Collection c, Library library, CancellationToken ct) => CollectionView.Of(c, await library.CountAsync(c, ct));
}
