namespace Rag.Foundation;

/// <summary>Identifiers: UUID version 7 (RFC 9562), lower case, so that they sort by the time they were made.</summary>
internal static class Ids
{
    public static string New(TimeProvider time) => Guid.CreateVersion7(time.GetUtcNow()).ToString();
}
