using Microsoft.AspNetCore.Builder;

namespace Rag.Access;

/// <summary>What a route takes: one of these roles, anywhere; which collection is for the use case to ask. Empty: nothing.</summary>
internal sealed record RouteRoles(IReadOnlyList<Role> AnyOf);

internal static class RouteRolesExtensions
{
    /// <summary>Lets through who has one of the roles. A route without roles is refused to everybody.</summary>
    public static T Needs<T>(this T route, params Role[] anyOf) where T : IEndpointConventionBuilder => route.WithMetadata(new RouteRoles(anyOf));

    /// <summary>Lets everybody through: probes, the sign-in page, files of the pages.</summary>
    public static T ForEverybody<T>(this T route) where T : IEndpointConventionBuilder => route.WithMetadata(new RouteRoles([]));
}
