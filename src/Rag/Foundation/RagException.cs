namespace Rag.Foundation;

/// <summary>What went wrong, in the terms a caller can act on; each maps to one HTTP status and one problem type.</summary>
public enum ErrorKind
{
    /// <summary>The request is malformed or breaks a limit (400).</summary>
    Invalid,
    /// <summary>The caller did not say who they are, or not in a way that holds (401).</summary>
    Unauthenticated,
    /// <summary>The caller may not do this (403).</summary>
    Forbidden,
    /// <summary>The named thing does not exist (404).</summary>
    NotFound,
    /// <summary>The request clashes with the present state (409).</summary>
    Conflict,
    /// <summary>The body or file is larger than the configured bound (413).</summary>
    TooLarge,
    /// <summary>The format is not one that the product reads (415).</summary>
    Unsupported,
    /// <summary>Something that this needs is not there now; trying later may work (503).</summary>
    Unavailable,
    /// <summary>Nothing is written for the time of a maintenance; what only reads is served (503).</summary>
    ReadOnly,
    /// <summary>This caller asks more than is theirs for now (429).</summary>
    TooMany,
    /// <summary>More to do than is taken on at a time; trying a little later will work (503).</summary>
    Overloaded,
    /// <summary>No room on disk (507).</summary>
    StorageFull,
}

/// <summary>An error that names what is wrong and the remedy; shown as it is to people on every door (CLI, HTTP, page).</summary>
public sealed class RagException(ErrorKind kind, string message, string remedy, Exception? inner = null)
    : Exception(message, inner)
{
    public ErrorKind Kind { get; } = kind;

    /// <summary>What the reader can do about it, one sentence.</summary>
    public string Remedy { get; } = remedy;

    /// <summary>When trying again makes sense, where that is known; the door has a default for the rest.</summary>
    public int? RetryAfterSeconds { get; init; }
}
