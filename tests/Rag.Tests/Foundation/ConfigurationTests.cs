using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Rag.Foundation;

namespace Rag.Tests.Foundation;

public sealed class ConfigurationTests
{
    private static ConfigurationException? Check(params (string Key, string Value)[] settings)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(settings.Select(s => new KeyValuePair<string, string?>(s.Key, s.Value))).Build();
        try
        {
            new ServiceCollection().AddRag(configuration);
            return null;
        }
        catch (ConfigurationException e)
        {
            return e;
        }
    }

    [Fact]
    public void The_defaults_are_right() => Check().ShouldBeNull();

    [Fact]
    public void Every_mistake_is_reported_at_once_with_its_key_and_remedy()
    {
        var e = Check(("Storage:Provider", "oracle"), ("Caching:SizeMb", "0"), ("Caching:SizeMB2", "1"), ("Storge:Provider", "sqlite"), ("Retrieval:Candidates", "many"), ("Ingestion:Parsing:TimeoutMs", "0")).ShouldNotBeNull();
        e.Errors.Select(x => x.Key).ShouldBe(["Caching:SizeMB2", "Retrieval:Candidates", "Storge", "Storage:Provider", "Caching:SizeMb", "Ingestion:Parsing:TimeoutMs"], ignoreOrder: true);
        e.Errors.ShouldAllBe(x => x.Remedy.Length > 0);
        foreach (var error in e.Errors) e.Message.ShouldContain(error.Key);
    }

    [Fact]
    public void A_secret_is_only_said_to_be_set()
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Inference:Provider"] = "openai",
            ["Inference:Endpoint"] = "http://127.0.0.1:1/v1",
            ["Inference:Model"] = "m",
            ["Inference:Dimensions"] = "8",
            ["Inference:ApiKey"] = "sk-very-secret",
        }).Build();
        var services = new ServiceCollection().AddRag(configuration);
        var sections = (ConfigurationSections)services.Single(s => s.ServiceType == typeof(ConfigurationSections)).ImplementationInstance!;
        var values = sections.Effective(_ => "file").ToList();
        values.Single(v => v.Key == "Inference:ApiKey").Value.ShouldBe("(set)");
        values.ShouldAllBe(v => v.Value == null || !v.Value.Contains("very-secret"));
        values.Single(v => v.Key == "Ingestion:Parsing:TimeoutMs").Value.ShouldBe("60000");
    }

    [Theory]
    [InlineData("Inference:Endpoint", "https://user:p%40ss@models.example/v1?token=t0ken", "https://(set)@models.example/v1?(set)")]
    [InlineData("Contacts:OnCallEngineer:Webhook", "https://chat.example/hooks/T0/s3cret", "https://chat.example/(set)")]
    [InlineData("Maintenance:AlertmanagerUrl", "http://127.0.0.1:9093", "http://127.0.0.1:9093")]
    [InlineData("Caching:Redis:Endpoints", "a.example:6379,b.example:6379", "a.example:6379,b.example:6379")]
    public void Of_an_address_only_what_is_no_secret_is_shown(string key, string value, string shown) => Effective((key, value)).Single(v => v.Key == key).Value.ShouldBe(shown);

    [Fact]
    public void A_value_has_the_unit_of_its_name_and_the_default_that_it_changes()
    {
        var values = Effective(("Caching:SizeMb", "128")).ToDictionary(v => v.Key);
        values["Caching:SizeMb"].ShouldBe(new("Caching:SizeMb", "128", "MiB", "file", "256"));
        values["Backup:PartMb"].Unit.ShouldBe("MB");
        values["Access:Limits:AddressPerMinute"].Unit.ShouldBe("a minute");
        values["Storage:Provider"].Unit.ShouldBeNull();
        // A name that ends in a unit is one of a number only.
        values["Incidents:BusinessDays"].Unit.ShouldBeNull();
        values.Values.Where(v => v.Key != "Caching:SizeMb").ShouldAllBe(v => v.Value == v.Default);
    }

    private static List<ConfigurationValue> Effective(params (string Key, string Value)[] settings)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(settings.Select(s => new KeyValuePair<string, string?>(s.Key, s.Value))).Build();
        return [.. new ServiceCollection().AddRag(configuration).Select(s => s.ImplementationInstance).OfType<ConfigurationSections>().Single().Effective(_ => "file")];
    }
}
