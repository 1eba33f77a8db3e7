using System.Globalization;
using Microsoft.AspNetCore.Http.HttpResults;
using Rag.Access;
using Rag.Answering;
using Rag.Foundation;
using Rag.Ingestion;
using Rag.Maintenance;

namespace Rag.App.Pages;

/// <summary>One document: its text with a span marked, its versions, who is shown it, and deleting it.</summary>
internal static class DocumentEndpoints
{
    /// <summary>More text than this goes on several pages: browsers and readers both have enough of it.</summary>
    public const int MaxPageChars = 200_000;

    public static void MapDocumentPages(this IEndpointRouteBuilder pages)
    {
        pages.MapGet("/documents/{collection}/{id}", ShowAsync).Needs(Role.Reader);
        pages.MapDifferencesPages();
        pages.MapGet("/documents/{collection}/{id}/cited", CitedAsync).Needs(Role.Writer);
        pages.MapPost("/documents/{collection}/{id}/permissions", PermitAsync).Needs(Role.Writer).RequireRateLimiting(LoadClass.Writes).RefusedWhileReadOnly();
        pages.MapGet("/documents/{collection}/{id}/delete", ConfirmAsync).Needs(Role.Writer);
        pages.MapPost("/documents/{collection}/{id}/delete", DeleteAsync).Needs(Role.Writer).RequireRateLimiting(LoadClass.Writes).RefusedWhileReadOnly();
    }

    private static async Task<RazorComponentResult<DocumentPage>> ShowAsync(
        string collection, string id, HttpContext context, Library library, DocumentRecord documents, DocumentReader reader,
        CancellationToken ct, string? version = null, string? start = null, string? end = null, string? at = null, string? permitted = null)
    {
        var owner = await library.GetAsync(collection, ct);
        var document = await library.GetAsync(owner, id, ct);
        long shown = Number(version, "version") ?? document.Version;
        (int Start, int End)? span = Number(start, "start") is { } s && Number(end, "end") is { } e ? ((int)Math.Min(s, int.MaxValue), (int)Math.Min(e, int.MaxValue)) : null;
        int from = (int)Math.Min(Number(at, "at") ?? 0, int.MaxValue);
        var excerpt = await reader.ReadAsync(owner, document, shown, span, from, MaxPageChars, ct)
            ?? throw new RagException(ErrorKind.NotFound, $"Version {shown} of “{document.Title}” is not kept.", $"The current version is {document.Version}.");
        library.Shown("read", owner, document);
        string? problem = span is { } wrong && !excerpt.HasMark ? $"Characters {wrong.Start} to {wrong.End} are not a stretch of this version's text, so nothing is marked." : null;
        var view = DocumentView.Of(document, owner) with { Versions = await VersionsAsync(documents, id, ct) };
        string? token = Caller.Current.MayWrite(owner.Id) ? PageForms.Token(context) : null;
        return PageResult.Of<DocumentPage, DocumentModel>(context, new(view, shown, excerpt, span, problem, token, permitted switch
        {
            "1" => "Who is shown this document was changed. It holds on every replica, for answers that were kept, too.",
            "0" => "Who is shown this document was changed. Some replica does not know of it yet, and may go on showing it as before for a moment.",
            _ => null,
        }));
    }

    /// <summary>For those who keep the collection: what others asked is not for every reader.</summary>
    private static async Task<RazorComponentResult<CitedPage>> CitedAsync(string collection, string id, HttpContext context, Library library, AnswerReplay answers, CancellationToken ct)
    {
        var owner = await library.GetToWriteAsync(collection, ct);
        var view = DocumentView.Of(await library.GetAsync(owner, id, ct), owner);
        return PageResult.Of<CitedPage, CitedModel>(context, new(view, await answers.CitingAsync(owner.Id, id, ct), AnswerReplay.MaxLooked));
    }

    private static async Task<RedirectHttpResult> PermitAsync(string collection, string id, HttpContext context, Library library, CancellationToken ct)
    {
        await PageForms.CheckAsync(context);
        var form = await context.Request.ReadFormAsync(ct);
        bool everybody = form["who"] == "everybody";
        if (!everybody && form["who"] != "groups") throw new RagException(ErrorKind.Invalid, "The form does not say who is to be shown the document.", "Choose everybody or certain groups.");
        var groups = everybody ? [] : DocumentGroups.Given(DocumentGroups.Lines(form["groups"].ToString()))!;
        var owner = await library.GetToWriteAsync(collection, ct);
        var effect = await library.PermitAsync(owner, await library.GetAsync(owner, id, ct), groups, ct);
        // Whoever took it from themselves is not sent to what is no longer there.
        bool still = Caller.Current.Scope.Shows(groups);
        return TypedResults.LocalRedirect(still ? $"{Show.DocumentUrl(owner.Name, id)}?permitted={(effect.Everywhere ? 1 : 0)}" : Show.DocumentsUrl(owner.Name));
    }

    private static async Task<RazorComponentResult<DeletePage>> ConfirmAsync(string collection, string id, HttpContext context, Library library, DocumentRecord documents, CancellationToken ct)
    {
        var owner = await library.GetToWriteAsync(collection, ct);
        var view = DocumentView.Of(await library.GetAsync(owner, id, ct), owner) with { Versions = await VersionsAsync(documents, id, ct) };
        return PageResult.Of<DeletePage, DeleteModel>(context, new(view, PageForms.Token(context)));
    }

    private static async Task<RedirectHttpResult> DeleteAsync(string collection, string id, HttpContext context, Library library, CancellationToken ct)
    {
        await PageForms.CheckAsync(context);
        var owner = await library.GetToWriteAsync(collection, ct);
        await library.DeleteAsync(await library.GetAsync(owner, id, ct), ct);
        return TypedResults.LocalRedirect(Show.DocumentsUrl(owner.Name) + "&deleted=1");
    }

    private static async Task<IReadOnlyList<VersionView>> VersionsAsync(DocumentRecord documents, string id, CancellationToken ct) =>
        (await documents.VersionsAsync(id, ct)).Select(VersionView.Of).ToList();

    internal static long? Number(string? value, string name) => string.IsNullOrEmpty(value) ? null
        : long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out long n) ? n
        : throw new RagException(ErrorKind.Invalid, $"“{value}” is not a number, and {name} must be one.", "Open the document from an answer or from the Documents page.");
}
