using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Rag.Access;

internal static class AccessEndpoints
{
    public static IEndpointRouteBuilder MapAccess(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/me", async (CollectionNames collections, CancellationToken ct) => await WhoAsync(Caller.Current, collections, ct)).Needs(Role.Reader, Role.Operator, Role.Auditor)
            .WithTags("Access").WithSummary("Who asks, and what they may do");
        var grants = routes.MapGroup("/admin/v1/access/grants").WithTags("Access").Needs(Role.Admin);
        grants.MapGet("/", async (Grants all, CancellationToken ct) => new GrantList(await all.ListAsync(ct))).WithSummary("Roles that users, groups and keys have");
        grants.MapPost("/", (NewGrant wanted, Grants all, CancellationToken ct) => all.AddAsync(wanted, ct)).WithSummary("Give a role to a user, a group or a key");
        grants.MapDelete("/{id}", (string id, Grants all, CancellationToken ct) => all.RemoveAsync(id, ct)).WithSummary("Take a role away; it has no effect anywhere once this has answered");
        var keys = routes.MapGroup("/admin/v1/keys").WithTags("Access").Needs(Role.Admin);
        keys.MapGet("/", async (ApiKeys all, CancellationToken ct) => new KeyList(await all.ListAsync(ct))).WithSummary("Keys with their roles, ends and last uses; no secrets");
        keys.MapPost("/", (NewKey wanted, ApiKeys all, CancellationToken ct) => all.CreateAsync(wanted, ct)).WithSummary("Make a key, which is shown this once");
        keys.MapGet("/{id}", (string id, ApiKeys all, CancellationToken ct) => all.GetAsync(id, ct)).WithSummary("One key");
        keys.MapDelete("/{id}", (string id, ApiKeys all, CancellationToken ct) => all.RevokeAsync(id, ct)).WithSummary("Revoke a key; it opens nothing anywhere once this has answered");
        keys.MapPost("/{id}/rotate", (string id, RotateKey? wanted, ApiKeys all, CancellationToken ct) => all.RotateAsync(id, wanted ?? new(), ct)).WithSummary("A new secret for a key; the one before goes on for a while");
        return routes;
    }

    internal static async Task<WhoAmI> WhoAsync(Caller caller, CollectionNames collections, CancellationToken ct)
    {
        var names = caller.Grants.Any(g => g.CollectionId is not null) ? await collections.AllAsync(ct) : new Dictionary<string, string>();
        return new(caller.Kind, caller.Id, caller.Name, [.. caller.Grants.Select(g => AccessText.Show(g.Role, g.CollectionId is null ? null : names.GetValueOrDefault(g.CollectionId, g.CollectionId)))], caller.Groups);
    }
}
