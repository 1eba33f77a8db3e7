using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Rag.Access;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Inference;
using Rag.Ingestion;
using Rag.Ingestion.Parsing;
using Rag.Maintenance;

namespace Rag.App.Pages;

/// <summary>Documents of a collection: what is there, adding to it, making one. Forms work without scripts.</summary>
internal static class DocumentsEndpoints
{
    private const int PageDocuments = 100;
    private const int MaxFolders = 200;
    private const int MaxFilesPerForm = 1_000;
    /// <summary>What a form holds beside its files.</summary>
    private const int FormOverheadBytes = 1_000_000;

    public static void MapDocumentsPages(this IEndpointRouteBuilder pages)
    {
        pages.MapGet("/documents", ShowAsync).Needs(Role.Reader);
        pages.MapPost("/documents/new-collection", CreateAsync).Needs(Role.Writer).RequireRateLimiting(LoadClass.Writes).RefusedWhileReadOnly();
        pages.MapPost("/documents/{collection}/upload", UploadAsync).Needs(Role.Writer).WithMetadata(new RequestSizeLimitAttribute(LoadClass.MaxUploadBytes)).RequireRateLimiting(LoadClass.Writes).RefusedWhileReadOnly();
    }

    /// <summary>The services that the page is made of.</summary>
    private sealed record Sources(Library Library, Embedder Embedder, IngestionOptions Options);

    private static async Task<RazorComponentResult<DocumentsPage>> ShowAsync(
        HttpContext context, Library library, Embedder embedder, IngestionOptions options,
        CancellationToken ct, string? collection = null, string? after = null, string? prefix = null, string? deleted = null)
    {
        var model = await ModelAsync(context, new(library, embedder, options), Named(collection), after ?? "", prefix ?? "", ct);
        return PageResult.Of<DocumentsPage, DocumentsModel>(context, deleted is null ? model : model with { Notice = "The document was deleted." });
    }

    private static async Task<IResult> CreateAsync(HttpContext context, Library library, Embedder embedder, IngestionOptions options, CancellationToken ct)
    {
        await PageForms.CheckAsync(context);
        var form = await context.Request.ReadFormAsync(ct);
        string name = form["name"].ToString().Trim();
        try
        {
            if (await library.FindAsync(name, ct) is not null)
                throw new RagException(ErrorKind.Conflict, $"There is a collection '{name}' already.", "Choose another name, or put documents into that one.");
            await library.EnsureAsync(name, form["language"].ToString() is { Length: > 0 } language ? language : null, ct);
            return TypedResults.LocalRedirect(Show.DocumentsUrl(name));
        }
        catch (RagException e)
        {
            return await FailedAsync(context, new(library, embedder, options), Named(form["from"]), e, ct);
        }
    }

    private static async Task<IResult> UploadAsync(
        string collection, HttpContext context, Library library, Embedder embedder, Ingestor ingestor, IIndexer indexer, IngestionOptions options, CancellationToken ct)
    {
        var sources = new Sources(library, embedder, options);
        context.Features.Set<IFormFeature>(new FormFeature(context.Request, new FormOptions { MultipartBodyLengthLimit = options.Parsing.MaxFileBytes + FormOverheadBytes }));
        await PageForms.CheckAsync(context);
        var form = await context.Request.ReadFormAsync(ct);
        try
        {
            var files = form.Files.Where(f => f.FileName.Length > 0).ToList();
            if (files.Count == 0) throw new RagException(ErrorKind.Invalid, "No file was chosen.", "Choose one or more files, then press Add.");
            if (files.Count > MaxFilesPerForm) throw new RagException(ErrorKind.TooLarge, $"These are more than {MaxFilesPerForm:N0} files.", "Send them in parts, or as a ZIP archive.");
            var into = await library.EnsureAsync(collection, language: null, ct);
            var names = DocumentGroups.Lines(form["groups"].ToString()).ToList();
            // The field is on every form: left empty it says nothing.
            var groups = names.Count == 0 ? null : DocumentGroups.Given(names);
            var outcomes = new List<IngestOutcome>();
            foreach (var file in files)
                await foreach (var outcome in ingestor.IngestAsync(into, new(ArchiveReader.SafeName(file.FileName), await ReadAsync(file, ct), Groups: groups), ct)) outcomes.Add(outcome);
            if (outcomes.Max(o => o.Position) is { } position)
            {
                await SettleAsync(indexer, position, ct);
                if (groups is not null) await library.EffectAsync(position, ct);
            }
            var model = await ModelAsync(context, sources, collection, "", "", ct);
            return PageResult.Of<DocumentsPage, DocumentsModel>(context, model with
            {
                Outcomes = outcomes.Select(o => new IngestedFile(o.Uri, o.Status, o.Id, o.Version, o.Title, o.Reason, o.Message)).ToList(),
            });
        }
        catch (RagException e) when (e.Kind is ErrorKind.Invalid or ErrorKind.TooLarge or ErrorKind.Forbidden)
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
        string name = await sources.Library.FindAsync(collection, ct) is null ? Collections.Default : collection;
        var model = await ModelAsync(context, sources, name, "", "", ct);
        return PageResult.Of<DocumentsPage, DocumentsModel>(context, model with { Failure = failure }, failure.Status);
    }

    private static async Task<DocumentsModel> ModelAsync(HttpContext context, Sources from, string name, string after, string prefix, CancellationToken ct)
    {
        var collection = await from.Library.GetAsync(name, ct);
        var names = (await from.Library.CollectionsAsync(ct)).Select(c => c.Name).ToList();
        var rows = await from.Library.ListAsync(collection, after, prefix, PageDocuments + 1, ct);
        from.Library.Shown("list", collection, [.. rows.Take(PageDocuments)]);
        var page = rows.Take(PageDocuments).Select(d => DocumentView.Of(d, collection)).ToList();
        return new(
            CollectionView.Of(collection, await from.Library.CountAsync(collection, ct)),
            names, page, prefix, after, rows.Count > PageDocuments ? page[^1].Uri : null, PageForms.Token(context), from.Options.Parsing.MaxFileBytes,
            from.Embedder.Available ? null : from.Embedder.UnavailableReason ?? "there is no embedding model.", Caller.Current.MayWrite(collection.Id),
            Folders: await from.Library.FoldersAsync(collection, prefix, MaxFolders, ct));
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
