using Rag.Access;
using Rag.Audit;

namespace Rag.Tests;

/// <summary>People who ask, and doing something as one of them.</summary>
internal static class Callers
{
    /// <summary>Reads every collection, and of limited documents those of these groups.</summary>
    public static Caller Reader(params string[] groups) => With([new(Role.Reader, null)], groups);

    public static Caller Writer(params string[] groups) => With([new(Role.Writer, null)], groups);

    public static Caller With(IReadOnlyList<Grant> grants, params string[] groups) =>
        new("user", "u-" + string.Join('-', groups), "somebody", null, grants, [.. groups.Order(StringComparer.Ordinal)]);

    public static async Task<T> As<T>(Caller caller, Func<Task<T>> act)
    {
        Actor.Become(caller);
        return await act();
    }

    public static async Task As(Caller caller, Func<Task> act)
    {
        Actor.Become(caller);
        await act();
    }
}
