namespace Rag.Audit;

/// <summary>Who acts, as the audit record names them.</summary>
/// <param name="Kind"><c>key</c>, <c>user</c>, <c>local</c> (whoever may open the data directory or the socket), <c>open</c>, <c>anonymous</c>, <c>probe</c> or <c>system</c>.</param>
/// <param name="Id">Stays the same for as long as the key or user exists.</param>
/// <param name="Name">What people call it.</param>
/// <param name="Address">Network address that the request came from; null inside the process.</param>
internal record Actor(string Kind, string Id, string Name, string? Address = null)
{
    /// <summary>The server, asking itself whether it answers: what it finds is shown to nobody.</summary>
    public const string ProbeKind = "probe";

    /// <summary>The service itself: scheduled work, and what runs outside any request.</summary>
    public static readonly Actor System = new("system", "system", "rag-system");

    private static readonly AsyncLocal<Actor?> Ambient = new();

    /// <summary>Whoever the present flow of control acts for; the door that a request came through says so.</summary>
    public static Actor Current => Ambient.Value ?? System;

    /// <summary>From here on this flow, and what it starts, acts for <paramref name="actor"/>.</summary>
    public static void Become(Actor actor) => Ambient.Value = actor;
}
