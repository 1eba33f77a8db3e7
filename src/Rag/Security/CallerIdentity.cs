using Rag.Audit;

namespace Rag.Security;

/// <summary>By what a caller is told from others: the key or user, or the address where there is neither.</summary>
internal static class CallerIdentity
{
    public static string Of(Actor actor) => actor.Kind is "key" or "user" ? $"{actor.Kind}:{actor.Id}" : actor.Address is { } address ? $"address:{address}" : $"{actor.Kind}:{actor.Id}";
}
