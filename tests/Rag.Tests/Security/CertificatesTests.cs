using Rag.Security;
using Rag.Testing;

namespace Rag.Tests.Security;

public sealed class CertificatesTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Everything_configured_that_speaks_tls_is_listed_first_to_expire_first_and_what_is_not_seen_says_why()
    {
        await using var hook = TlsServer.Start(TimeSpan.FromDays(200));
        await using var mail = TlsServer.Start(TimeSpan.FromDays(10), smtp: true);
        await using var old = TlsServer.Start(TimeSpan.FromDays(-1));
        int nobody = ChildServer.FreePort();
        await using var service = await TestService.StartAsync(settings: new()
        {
            ["Contacts:OnCallEngineer:Webhook"] = $"https://localhost:{hook.Port}/hook", ["Contacts:OnCallEngineer:Email"] = "oncall@example.org",
            ["Contacts:Smtp:Host"] = "127.0.0.1", ["Contacts:Smtp:Port"] = $"{mail.Port}", ["Contacts:Smtp:From"] = "rag@example.org",
            ["Diagnosis:Certificates"] = $"{old.At}, 127.0.0.1:{nobody}",
            ["Security:Advisories:Url"] = $"https://localhost:{hook.Port}/all.zip",
        });
        var list = (await service.Get<Certificates>().ListAsync(Cancel)).Certificates;
        list.Select(c => (c.Name, c.State)).ShouldBe([($"127.0.0.1:{nobody}", "unseen"), (old.At, "expired"), ("smtp", "expiring"), ("webhook", "valid")]);
        list[0].Problem.ShouldNotBeNullOrEmpty();
        list[2].ShouldSatisfyAllConditions(c => c.Subject.ShouldBe("CN=localhost"), c => c.Issuer.ShouldBe("CN=localhost"), c => c.DaysLeft.ShouldNotBeNull().ShouldBe(10, 0.2));
    }
}
