namespace Rag.Foundation;

/// <summary>
/// Errors as problem details (RFC 9457): each kind has one status and one <c>type</c>, which never change; the
/// member <c>remedy</c> says what to do.
/// </summary>
internal static class Problems
{
    public const string TypePrefix = "urn:rag-system:problem:";

    private static readonly IReadOnlyList<(ErrorKind Kind, int Status, string Name, string Title)> All =
    [
        (ErrorKind.Invalid, 400, "invalid", "The request is not valid"),
        (ErrorKind.Unauthenticated, 401, "unauthenticated", "Who asks is not known"),
        (ErrorKind.Forbidden, 403, "forbidden", "This is not allowed"),
        (ErrorKind.NotFound, 404, "not_found", "There is no such thing"),
        (ErrorKind.Conflict, 409, "conflict", "The request clashes with the present state"),
        (ErrorKind.TooLarge, 413, "too_large", "The request is too large"),
        (ErrorKind.Unsupported, 415, "unsupported", "The format is not one that is read"),
        (ErrorKind.TooMany, 429, "too_many", "This is more than the caller may ask for now"),
        (ErrorKind.Unavailable, 503, "unavailable", "Something that this needs is not there now"),
        (ErrorKind.ReadOnly, 503, "read_only", "Nothing is written during this maintenance"),
        (ErrorKind.Overloaded, 503, "overloaded", "The server is busy"),
        (ErrorKind.StorageFull, 507, "storage_full", "There is no room on disk"),
    ];

    public static (int Status, string Type, string Title) Of(ErrorKind kind)
    {
        var (_, status, name, title) = All.First(p => p.Kind == kind);
        return (status, TypePrefix + name, title);
    }

    /// <summary>The kind that a status stands for; Unavailable for those that are none of ours.</summary>
    public static ErrorKind KindOf(int status) => All.Where(p => p.Status == status).Select(p => p.Kind).FirstOrDefault(ErrorKind.Unavailable);
}
