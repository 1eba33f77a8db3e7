using Rag.Access;
using Rag.Audit;

namespace Rag.Tests.Access;

/// <summary>The service with what tests of keys and grants do to it.</summary>
internal static class AccessTestService
{
    public static Task<TestService> StartAsync(Engine engine, TestRecord? record = null, TimeProvider? time = null, params (string Key, string Value)[] settings) => TestService.StartAsync(
        engine: engine, record: record, time: time, settings: settings.ToDictionary(s => s.Key, s => (string?)s.Value).Concat([new("Access:Mode", "keys")]).ToDictionary(s => s.Key, s => s.Value));

    public static Task<KeyIssued> KeyAsync(this TestService service, string role, string? collection = null, string? expires = null, IReadOnlyList<string>? groups = null) =>
        service.Get<ApiKeys>().CreateAsync(new("test", [role], collection is null ? null : [collection], groups, "tests", expires), TestService.Cancel);

    /// <summary>Whoever the key opens the door to; null where it opens it to nobody.</summary>
    public static Caller? Open(this TestService service, string key) => service.Get<Authenticator>().ByKey(key, "192.0.2.1") is { Why: null } recognised ? recognised.Caller : null;

    /// <summary>Runs for somebody, and for nobody else afterwards.</summary>
    public static async Task<T> AsAsync<T>(Caller caller, Func<Task<T>> work)
    {
        Actor.Become(caller);
        return await work();
    }
}
