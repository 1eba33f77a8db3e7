using Microsoft.AspNetCore.OpenApi;

namespace Rag.App;

/// <summary>What the OpenAPI document says of the interface as a whole.</summary>
internal static class OpenApiText
{
    public static void Configure(OpenApiOptions options) => options.AddDocumentTransformer((document, _, _) =>
    {
        document.Info.Title = "rag-system";
        document.Info.Version = "v1";
        document.Info.Description = """
            Answers from your own documents. Each sentence of an answer names its source: `start` and `end` are offsets
            into that version's extracted text in UTF-16 code units (as C# and JavaScript count), `quote` is exactly that
            text, and `sha256` is of the quote's UTF-8 bytes. Errors are `application/problem+json` (RFC 9457) with a
            stable `type` and a `remedy`; 429 and 503 carry `Retry-After`.
            """;
        return Task.CompletedTask;
    });
}
