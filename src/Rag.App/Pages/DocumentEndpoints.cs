using System.Globalization;
using Microsoft.AspNetCore.Http.HttpResults;
using Rag.Access;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Ingestion;

namespace Rag.App.Pages;

/// <summary>One document: its text with a span marked, its versions, and deleting it.</summary>
internal static class DocumentEndpoints
{
    /// <summary>More text than this goes on several pages: browsers and readers both have enough of it.</summary>
    public const int MaxPageChars = 200_000;

    public static void MapDocumentPages(this IEndpointRouteBuilder pages)
    {
        pages.MapGet("/documents/{collection}/{id}", ShowAsync).Needs(Role.Reader);
        pages.MapGet("/documents/{collection}/{id}/delete", ConfirmAsync).Needs(Role.Writer);
        pages.MapPost("/documents/{collection}/{id}/delete", DeleteAsync).Needs(Role.Writer).RequireRateLimiting(LoadClass.Writes);
    }

    private static async Task<RazorComponentResult<DocumentPage>> ShowAsync(
        string collection, string id, HttpContext context, Collections collections, DocumentRecord documents, DocumentReader reader,
        CancellationToken ct, string? version = null, string? start = null, string? end = null, string? at = null)
    {
        var owner = await collections.GetAsync(collection, ct);
        var document = await documents.GetAsync(owner, id, ct);
        long shown = Number(version, "version") ?? document.Version;
        (int Start, int End)? span = Number(start, "start") is { } s && Number(end, "end") is { } e ? ((int)Math.Min(s, int.MaxValue), (int)Math.Min(e, int.MaxValue)) : null;
        int from = (int)Math.Min(Number(at, "at") ?? 0, int.MaxValue);
        var excerpt = await reader.ReadAsync(owner, document, shown, span, from, MaxPageChars, ct)
            ?? throw new RagException(ErrorKind.NotFound, $"Version {shown} of “{document.Title}” is not kept.", $"The current version is {document.Version}.");
        string? problem = span is { } wrong && !excerpt.HasMark ? $"Characters {wrong.Start} to {wrong.End} are not a stretch of this version's text, so nothing is marked." : null;
        var view = View(document, owner) with { Versions = await VersionsAsync(documents, id, ct) };
        return PageResult.Of<DocumentPage, DocumentModel>(context, new(view, shown, excerpt, span, problem));
    }

    private static async Task<RazorComponentResult<DeletePage>> ConfirmAsync(string collection, string id, HttpContext context, Collections collections, DocumentRecord documents, CancellationToken ct)
    {
        var owner = await collections.GetAsync(collection, ct);
        var view = View(await documents.GetAsync(owner, id, ct), owner) with { Versions = await VersionsAsync(documents, id, ct) };
        return PageResult.Of<DeletePage, DeleteModel>(context, new(view, PageForms.Token(context)));
    }

    private static async Task<RedirectHttpResult> DeleteAsync(string collection, string id, HttpContext context, Collections collections, DocumentRecord documents, IIndexer indexer, CancellationToken ct)
    {
        await PageForms.CheckAsync(context);
        var owner = await collections.GetAsync(collection, ct);
        long position = await documents.DeleteAsync(await documents.GetAsync(owner, id, ct), ct);
        await DocumentsEndpoints.SettleAsync(indexer, position, ct);
        return TypedResults.LocalRedirect(Show.DocumentsUrl(owner.Name) + "&deleted=1");
    }

    internal static DocumentView View(DocumentInfo d, Collection c) => new(
        d.Id, c.Name, d.Uri, d.Title, d.MediaType, d.Version, d.SizeBytes, d.TextChars, d.ChunkCount, DocumentRecord.ParseMetadata(d.Metadata),
        Clock.FromMicroseconds(d.CreatedAt), Clock.FromMicroseconds(d.UpdatedAt));

    private static async Task<IReadOnlyList<VersionView>> VersionsAsync(DocumentRecord documents, string id, CancellationToken ct) =>
        (await documents.VersionsAsync(id, ct)).Select(v => new VersionView(v.Version, v.Title, v.ContentHash, v.SizeBytes, Clock.FromMicroseconds(v.CreatedAt))).ToList();

    private static long? Number(string? value, string name) => string.IsNullOrEmpty(value) ? null
        : long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out long n) ? n
        : throw new RagException(ErrorKind.Invalid, $"“{value}” is not a number, and {name} must be one.", "Open the document from an answer or from the Documents page.");
}
