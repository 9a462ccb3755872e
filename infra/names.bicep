// How every resource is named: one place, from which all three templates take the names, so that none
// has to be handed from one to the next.

@export()
@description('The names of all resources.')
type Names = {
  @description('The function app.')
  functionApp: string
  @description('Its plan.')
  plan: string
  @description('Its identity.')
  functionIdentity: string
  @description('The streamer\'s container app.')
  streamer: string
  @description('Its identity.')
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
  @description('The storage account\'s events.')
  systemTopic: string
  @description('The ACS resource\'s events.')
  callTopic: string
  @description('The Log Analytics workspace.')
  workspace: string
  @description('The Application Insights component.')
  insights: string
  @description('Who is told of alerts.')
  actionGroup: string
}

@export()
@description('The names in a resource group, by its token: uniqueString(resourceGroup().id).')
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
  communication: 'acs-calls-${token}'
  systemTopic: 'evgt-calls-${token}'
  callTopic: 'evgt-incoming-${token}'
  workspace: 'log-calls-${token}'
  insights: 'appi-calls-${token}'
  actionGroup: 'ag-calls-${token}'
}
