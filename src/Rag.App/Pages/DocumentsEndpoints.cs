using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Rag.Access;
using Rag.Audit;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Inference;
using Rag.Ingestion;
using Rag.Ingestion.Parsing;

namespace Rag.App.Pages;

/// <summary>Documents of a collection: what is there, adding to it, making one. Forms work without scripts.</summary>
internal static class DocumentsEndpoints
{
    private const int PageDocuments = 100;
    private const int MaxFilesPerForm = 1_000;
    /// <summary>What a form holds beside its files.</summary>
    private const int FormOverheadBytes = 1_000_000;

    public static void MapDocumentsPages(this IEndpointRouteBuilder pages)
    {
        pages.MapGet("/documents", ShowAsync).Needs(Role.Reader);
        pages.MapPost("/documents/new-collection", CreateAsync).Needs(Role.Writer).RequireRateLimiting(LoadClass.Writes);
        pages.MapPost("/documents/{collection}/upload", UploadAsync).Needs(Role.Writer).WithMetadata(new RequestSizeLimitAttribute(LoadClass.MaxUploadBytes)).RequireRateLimiting(LoadClass.Writes);
    }

    /// <summary>The services that the page is made of.</summary>
    private sealed record Sources(Collections Collections, DocumentRecord Documents, DataAccessLog Accesses, Embedder Embedder, IngestionOptions Options);

    private static async Task<RazorComponentResult<DocumentsPage>> ShowAsync(
        HttpContext context, Collections collections, DocumentRecord documents, DataAccessLog accesses, Embedder embedder, IngestionOptions options,
        CancellationToken ct, string? collection = null, string? after = null, string? prefix = null, string? deleted = null)
    {
        var model = await ModelAsync(context, new(collections, documents, accesses, embedder, options), Named(collection), after ?? "", prefix ?? "", ct);
        return PageResult.Of<DocumentsPage, DocumentsModel>(context, deleted is null ? model : model with { Notice = "The document was deleted." });
    }

    private static async Task<IResult> CreateAsync(HttpContext context, Collections collections, DocumentRecord documents, DataAccessLog accesses, Embedder embedder, IngestionOptions options, CancellationToken ct)
    {
        await PageForms.CheckAsync(context);
        var form = await context.Request.ReadFormAsync(ct);
        string name = form["name"].ToString().Trim();
        try
        {
            if (await collections.FindAsync(name, ct) is not null)
                throw new RagException(ErrorKind.Conflict, $"There is a collection '{name}' already.", "Choose another name, or put documents into that one.");
            await collections.EnsureAsync(name, form["language"].ToString() is { Length: > 0 } language ? language : null, ct);
            return TypedResults.LocalRedirect(Show.DocumentsUrl(name));
        }
        catch (RagException e)
        {
            return await FailedAsync(context, new(collections, documents, accesses, embedder, options), Named(form["from"]), e, ct);
        }
    }

    private static async Task<IResult> UploadAsync(
        string collection, HttpContext context, Collections collections, DocumentRecord documents, DataAccessLog accesses, Embedder embedder, Ingestor ingestor, IIndexer indexer, IngestionOptions options, CancellationToken ct)
    {
        var sources = new Sources(collections, documents, accesses, embedder, options);
        context.Features.Set<IFormFeature>(new FormFeature(context.Request, new FormOptions { MultipartBodyLengthLimit = options.Parsing.MaxFileBytes + FormOverheadBytes }));
        await PageForms.CheckAsync(context);
        var form = await context.Request.ReadFormAsync(ct);
        try
        {
            var files = form.Files.Where(f => f.FileName.Length > 0).ToList();
            if (files.Count == 0) throw new RagException(ErrorKind.Invalid, "No file was chosen.", "Choose one or more files, then press Add.");
            if (files.Count > MaxFilesPerForm) throw new RagException(ErrorKind.TooLarge, $"These are more than {MaxFilesPerForm:N0} files.", "Send them in parts, or as a ZIP archive.");
            var into = await collections.EnsureAsync(collection, language: null, ct);
            var outcomes = new List<IngestOutcome>();
            foreach (var file in files)
                await foreach (var outcome in ingestor.IngestAsync(into, new(ArchiveReader.SafeName(file.FileName), await ReadAsync(file, ct)), ct)) outcomes.Add(outcome);
            if (outcomes.Max(o => o.Position) is { } position) await SettleAsync(indexer, position, ct);
            var model = await ModelAsync(context, sources, collection, "", "", ct);
            return PageResult.Of<DocumentsPage, DocumentsModel>(context, model with
            {
                Outcomes = outcomes.Select(o => new IngestedFile(o.Uri, o.Status, o.Id, o.Version, o.Title, o.Reason, o.Message)).ToList(),
            });
        }
        catch (RagException e) when (e.Kind is ErrorKind.Invalid or ErrorKind.TooLarge)
        {
            return await FailedAsync(context, sources, Named(collection), e, ct);
        }
    }

    /// <summary>Gives the index a moment, so that the next page shows what was done; it goes on by itself.</summary>
    public static async Task SettleAsync(IIndexer indexer, long position, CancellationToken ct)
    {
        try
        {
            await indexer.WaitForAsync(position, TimeSpan.FromSeconds(5), ct);
        }
        catch (RagException)
        {
            // Recorded all the same.
        }
    }

    private static async Task<IResult> FailedAsync(HttpContext context, Sources sources, string collection, RagException e, CancellationToken ct)
    {
        var failure = Failure.Of(e);
        string name = await sources.Collections.FindAsync(collection, ct) is null ? Collections.Default : collection;
        var model = await ModelAsync(context, sources, name, "", "", ct);
        return PageResult.Of<DocumentsPage, DocumentsModel>(context, model with { Failure = failure }, failure.Status);
    }

    private static async Task<DocumentsModel> ModelAsync(HttpContext context, Sources from, string name, string after, string prefix, CancellationToken ct)
    {
        var collection = await from.Collections.GetAsync(name, ct);
        var names = (await from.Collections.ListAsync(ct)).Select(c => c.Name).ToList();
        var counts = await from.Documents.CountAsync(collection.Id, ct);
        var rows = await from.Documents.ListAsync(collection.Id, after, prefix, PageDocuments + 1, ct);
        var page = rows.Take(PageDocuments).Select(d => DocumentEndpoints.View(d, collection)).ToList();
        from.Accesses.Note(new("list", collection.Id, null, null, [.. page.Select(d => d.Id)]));
        return new(
            new(collection.Name, collection.Language, counts.Documents, counts.Chunks, counts.Embedded, Clock.FromMicroseconds(collection.CreatedAt)),
            names, page, prefix, after, rows.Count > PageDocuments ? page[^1].Uri : null, PageForms.Token(context), from.Options.Parsing.MaxFileBytes,
            from.Embedder.Available ? null : from.Embedder.UnavailableReason ?? "there is no embedding model.");
    }

    private static async Task<byte[]> ReadAsync(IFormFile file, CancellationToken ct)
    {
        byte[] content = new byte[file.Length];
        await using var stream = file.OpenReadStream();
        await stream.ReadExactlyAsync(content, ct);
        return content;
    }

    private static string Named(string? collection) => string.IsNullOrWhiteSpace(collection) ? Collections.Default : collection;
}
