// The name of every resource. All three templates import them from here instead of passing them around.

@export()
@description('The names of all resources.')
type Names = {
  @description('The function app.')
  functionApp: string
  @description('The function app\'s plan.')
  plan: string
  @description('The function app\'s managed identity.')
  functionIdentity: string
  @description('The streamer\'s container app.')
  streamer: string
  @description('The streamer\'s managed identity.')
  streamerIdentity: string
  @description('The Container Apps environment.')
  environment: string
  @description('The container registry.')
  registry: string
  @description('The storage account.')
  storage: string
  @description('The ACS resource.')
  communication: string
  @description('The Azure AI Speech resource.')
  speech: string
  @description('The Azure AI Search service.')
  search: string
  @description('The Event Grid system topic of the storage account.')
  systemTopic: string
  @description('The Event Grid system topic of the ACS resource.')
  callTopic: string
  @description('The Event Grid topic of the calls\' events.')
  eventTopic: string
  @description('The Log Analytics workspace.')
  workspace: string
  @description('The Application Insights component.')
  insights: string
  @description('The virtual network, in a private deployment.')
  network: string
  @description('The action group that alerts notify.')
  actionGroup: string
}

@export()
@description('Returns the names for a resource group, given its token: uniqueString(resourceGroup().id).')
func namesOf(token string) Names => {
  functionApp: 'func-calls-${token}'
  plan: 'plan-calls-${token}'
  functionIdentity: 'id-function-${token}'
  streamer: 'ca-streamer'
  streamerIdentity: 'id-streamer-${token}'
  environment: 'cae-calls-${token}'
  registry: 'crcalls${token}'
  storage: 'stcalls${token}'
  speech: 'spch-calls-${token}'
  search: 'srch-calls-${token}'
  communication: 'acs-calls-${token}'
  systemTopic: 'evgt-calls-${token}'
  callTopic: 'evgt-incoming-${token}'
  eventTopic: 'evgt-events-${token}'
  workspace: 'log-calls-${token}'
  insights: 'appi-calls-${token}'
  network: 'vnet-calls-${token}'
  actionGroup: 'ag-calls-${token}'
}
