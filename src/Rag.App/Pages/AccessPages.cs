using Microsoft.AspNetCore.Http.HttpResults;
using Rag.Access;
using Rag.Foundation;
using Rag.Ingestion;

namespace Rag.App.Pages;

/// <param name="Issued">A key that was made or rotated just now, to be shown this once.</param>
/// <param name="Failure">What went wrong with what was asked for; null where nothing did.</param>
/// <param name="Behind">Replicas that had not taken the change that was made just now.</param>
public sealed record AccessModel(
    IReadOnlyList<KeyView> Keys, IReadOnlyList<GrantView> Grants, IReadOnlyList<string> Collections, int KeyDays, string FormToken, KeyIssued? Issued = null, Failure? Failure = null, IReadOnlyList<string>? Behind = null);

/// <summary>Keys and grants. Forms work without scripts.</summary>
internal static class AccessPages
{
    public const string Path = "/operate/access";

    public static void MapAccessPages(this IEndpointRouteBuilder pages)
    {
        pages.MapGet(Path, ShowAsync).Needs(Role.Admin);
        Form(pages, "/keys", async (form, s, ct) => (await s.Keys.CreateAsync(new(
            form["name"], [.. form["role"].OfType<string>()], [.. form["collection"].OfType<string>().Where(c => c.Length > 0)], Lines(form["groups"]), Written(form["owner"]), Written(form["expires"])), ct), null));
        Form(pages, "/keys/{id}/rotate", async (form, s, ct) => (await s.Keys.RotateAsync(s.Id, new(Written(form["overlap"])), ct), null));
        Form(pages, "/keys/{id}/revoke", async (_, s, ct) => (null, (await s.Keys.RevokeAsync(s.Id, ct)).WaitingFor));
        Form(pages, "/grants", async (form, s, ct) => (null, (await s.Grants.AddAsync(new(form["kind"], form["principal"], form["role"], Written(form["collection"]), Written(form["expires"])), ct)).WaitingFor));
        Form(pages, "/grants/{id}/remove", async (_, s, ct) => (null, (await s.Grants.RemoveAsync(s.Id, ct)).WaitingFor));
    }

    private sealed record Sources(string Id, ApiKeys Keys, Grants Grants, Collections Collections, AccessOptions Options);

    private static void Form(IEndpointRouteBuilder pages, string path, Func<IFormCollection, Sources, CancellationToken, Task<(KeyIssued? Issued, IReadOnlyList<string>? Behind)>> take) =>
        pages.MapPost(Path + path, async Task<IResult> (HttpContext context, ApiKeys keys, Grants grants, Collections collections, AccessOptions options, CancellationToken ct) =>
        {
            await PageForms.CheckAsync(context);
            var form = await context.Request.ReadFormAsync(ct);
            var sources = new Sources(context.GetRouteValue("id") as string ?? "", keys, grants, collections, options);
            try
            {
                var (issued, behind) = await take(form, sources, ct);
                // A key is shown on the answer itself: an address to go to would show it again.
                if (issued is not null) return Page(context, await ModelAsync(context, sources, ct) with { Issued = issued, Behind = issued.WaitingFor });
                return behind is { Count: > 0 } ? Page(context, await ModelAsync(context, sources, ct) with { Behind = behind }) : TypedResults.LocalRedirect(Path);
            }
            catch (RagException e) when (e.Kind is ErrorKind.Invalid or ErrorKind.NotFound or ErrorKind.Conflict)
            {
                var failure = Failure.Of(e);
                return Page(context, await ModelAsync(context, sources, ct) with { Failure = failure }, failure.Status);
            }
        }).Needs(Role.Admin);

    private static async Task<RazorComponentResult<AccessPage>> ShowAsync(HttpContext context, ApiKeys keys, Grants grants, Collections collections, AccessOptions options, CancellationToken ct) =>
        Page(context, await ModelAsync(context, new("", keys, grants, collections, options), ct));

    private static RazorComponentResult<AccessPage> Page(HttpContext context, AccessModel model, int status = 200) => PageResult.Of<AccessPage, AccessModel>(context, model, status);

    private static async Task<AccessModel> ModelAsync(HttpContext context, Sources from, CancellationToken ct) => new(
        [.. (await from.Keys.ListAsync(ct)).OrderBy(k => k.State == "active" ? 0 : 1)], await from.Grants.ListAsync(ct), [.. (await from.Collections.ListAsync(ct)).Select(c => c.Name)], from.Options.KeyDays, PageForms.Token(context));

    private static IReadOnlyList<string> Lines(string? text) => (text ?? "").Split([',', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static string? Written(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();
}
