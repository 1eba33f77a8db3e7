using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Rag.Foundation;

namespace Rag.Protocols;

/// <summary>Marks routes whose errors come in OpenAI's envelope: clients made for it show what is wrong, and try again where that helps.</summary>
internal sealed class OpenAiErrors
{
    public static bool WantedBy(HttpContext context) => context.GetEndpoint()?.Metadata.GetMetadata<OpenAiErrors>() is not null;

    /// <param name="status">Of the response.</param>
    /// <param name="problem">The problem's stable type (<see cref="Problems"/>).</param>
    public static OpenAiErrorBody Of(int status, string problem, string message, string remedy) => new(new($"{message} {remedy}", status switch
    {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        >= 500 => "server_error",
        _ => "invalid_request_error",
    }) { Code = status == 401 ? "invalid_api_key" : problem.StartsWith(Problems.TypePrefix, StringComparison.Ordinal) ? problem[Problems.TypePrefix.Length..] : null });
}

internal static class OpenAiRoutes
{
    public static T WithOpenAiErrors<T>(this T route) where T : IEndpointConventionBuilder => route.WithMetadata(new OpenAiErrors());
}
